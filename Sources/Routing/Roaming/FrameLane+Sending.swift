internal import Ground

extension FrameLane {
    /// Sends what waits, in order, as far as the window allows.
    mutating func send(_ now: Instant, _ effects: inout [Effect]) {
        guard let passage else { return }
        var (unheard, underWay) = (0, 0)
        for index in entries.indices {
            if case .waiting(let unless, let until) = entries[index].place {
                guard unheard < settings.window, underWay < settings.underWay else { return }
                // Later frames do not overtake one that is held back.
                if unless == passage, now < until { return }
                leave(index, on: passage, now, &effects)
            }
            if !entries[index].isDone { underWay += 1 }
            if !entries[index].isSpoken { unheard += 1 }
        }
    }

    private mutating func leave(
        _ index: Int, on passage: UInt32, _ now: Instant, _ effects: inout [Effect]
    ) {
        guard let load = entries[index].load else { return }
        entries[index].attempts += 1
        entries[index].place = .sent(
            passage, due: now + entries[index].timeout + settings.slack)
        effects.append(
            .send(passage, entries[index].number, load, attempt: entries[index].attempts))
    }

    /// What a passage left unanswered waits for the next one.
    mutating func close(_ ended: UInt32) {
        if passage == ended { passage = nil }
        for index in entries.indices {
            guard case .sent(let on, _) = entries[index].place, on == ended else { continue }
            let fault = Fault(
                .unavailable, "\(entries[index].attempts) links broke under the frame",
                source: .peer)
            takeBack(index, unless: nil, until: Instant(nanoseconds: 0), or: fault)
        }
    }

    /// A node that is not able to answer now leaves the frame to another; any other refusal is its
    /// last word.
    mutating func refuse(_ passage: UInt32, _ number: Int, _ fault: Fault, _ now: Instant) {
        guard let index = index(of: number),
            case .sent(let on, _) = entries[index].place, on == passage
        else { return }
        guard fault.code == .unavailable else { return finish(index, .failed(fault)) }
        takeBack(index, unless: passage, until: now + settings.pause, or: fault)
    }

    /// Takes back what was not answered in time, and drops what waited for too long.
    mutating func expire(_ now: Instant, _ effects: inout [Effect]) {
        var index = 0
        while index < entries.count {
            switch entries[index].place {
            case .waiting where now - entries[index].offeredAt > settings.age:
                drop(index, .tooOld, &effects)
                continue
            case .sent(let on, let due) where due <= now:
                effects.append(.late(on))
                let fault = Fault(
                    .deadline,
                    "the frame was sent \(entries[index].attempts) times and not answered within"
                        + " \(entries[index].timeout.milliseconds) ms", source: .peer)
                takeBack(index, unless: on, until: now + settings.pause, or: fault)
            default: break
            }
            index += 1
        }
    }

    private mutating func takeBack(
        _ index: Int, unless passage: UInt32?, until: Instant, or fault: Fault
    ) {
        guard entries[index].attempts < settings.attempts else {
            return finish(index, .failed(fault))
        }
        entries[index].place = .waiting(unless: passage, until: until)
    }
}
