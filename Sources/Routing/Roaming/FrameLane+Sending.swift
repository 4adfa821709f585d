internal import Ground

extension FrameLane {
    /// Sends what waits, in order, as far as the window allows.
    mutating func send(_ now: Instant, _ effects: inout [Effect]) {
        guard let passage else { return }
        var (unheard, underWay) = (0, 0)
        for index in entries.indices {
            if case .waiting(let unless, let until) = entries[index].place {
                guard unheard < room.frames, underWay < settings.underWay else { return }
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
        entries[index].hasWaited = now - entries[index].offeredAt > settings.prompt
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

    /// A node that is not able to answer now leaves the frame to another. One that has no room for
    /// a frame which has waited here is asked again when it says: many of them came at once, and
    /// that is no overload that lasts. Any other refusal is a frame's last word: what a camera has
    /// now is not worth more than what it has next.
    mutating func refuse(_ passage: UInt32, _ number: Int, _ fault: Fault, _ now: Instant) {
        guard let index = index(of: number),
            case .sent(let on, let due) = entries[index].place, on == passage
        else { return }
        switch fault.code {
        case .unavailable:
            takeBack(index, unless: passage, until: now + settings.pause, or: fault)
        case .exhausted where entries[index].hasWaited:
            let patience = entries[index].timeout + settings.slack
            room.refused(sentAt: due + (.zero - patience), now: now)
            takeBack(index, unless: passage, until: now + pause(after: fault), or: fault)
        default: finish(index, .failed(fault))
        }
    }

    /// How long a node that has no room is left alone: as it says, within bounds.
    private func pause(after fault: Fault) -> Interval {
        guard case .after(let hint) = fault.retry else { return settings.leastPause }
        return min(max(hint, settings.leastPause), settings.pause)
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
