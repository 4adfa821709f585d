import Ground
import Node
import Routing
import Spool
import Topology

/// What goes up of what is owed, over links that lose, slow down and are cut.
extension World {
    /// Bytes of a report and of the answer to one.
    private static let reportBytes = 300
    /// What leaves at a time: between two pieces others have their turn, as packets do.
    private static let pieceBytes = 8 << 10
    /// A lost piece is sent again after this, then twice as late each time, as TCP does it.
    private static let resendAfter: UInt64 = 300_000_000
    /// Results compress so many times.
    private static let compression = 4

    /// Takes the desk's next step, now or after a pause.
    mutating func go(_ host: Int, after pause: Interval = .zero) {
        guard let desk = hosts[host].desk, desk.spool != nil else { return }
        desk.timer += 1
        desk.isTimed = pause > .zero
        if desk.isTimed {
            let moment = hosts[host].clock.world(of: clock(of: host) + pause, now: now)
            return schedule(.deskSteps, at: moment, host, desk.timer, 0, hosts[host].starts)
        }
        let isBusy = hosts[host].shards.contains { shards[$0].node.admission.waitingRealtime > 0 }
        switch desk.uploading.next(now: clock(of: host), isBusy: isBusy, isDue: desk.isDue) {
        case .report: call(host, desk, nil, Self.reportBytes, Uploading.reportPatience)
        case .send(let queue, let records, let bytes): send(host, desk, queue, records, bytes)
        case .wait(let pause): go(host, after: pause)
        case .rest: break
        }
    }

    mutating func deskSteps(_ host: Int, _ timer: UInt32, starts: UInt32) {
        guard hosts[host].starts == starts, let desk = hosts[host].desk, desk.timer == timer,
            desk.isTimed
        else { return }
        occurrences += 1
        go(host)
    }

    private mutating func send(
        _ host: Int, _ desk: OwingDesk, _ queue: SpoolQueue, _ records: Int, _ bytes: Int
    ) {
        do throws(Fault) {
            let entries = try desk.spool?.read(queue, after: 0, records: records, bytes: bytes)
            guard var parcel = OwedParcel(entries ?? [], of: queue) else { return }
            if queue == .escalation { lose(desk, parcel) }
            if settings.planted.owing == .dropsGaps {
                parcel.contents.removeAll { if case .gap = $0.content { true } else { false } }
            }
            if settings.planted.owing == .settlesEarly {
                try? desk.spool?.settle(queue, through: parcel.last)
            }
            let packed = queue == .escalation ? parcel.bytes : parcel.bytes / Self.compression
            desk.uploading.sent(packed, now: clock(of: host))
            call(host, desk, parcel, packed + Self.requestBytes, Uploading.patience)
        } catch {
            go(host, after: Uploading.refusedRetry)
        }
    }

    /// Frames that were dropped have no answer any more: whoever holds their receipts hears so.
    private func lose(_ desk: OwingDesk, _ parcel: OwedParcel) {
        for case (let from, .gap(let through)) in parcel.contents {
            for sequence in from...through where desk.promised.remove(sequence) != nil {
                desk.lost += 1
            }
        }
    }

    // MARK: The way up

    private mutating func call(
        _ host: Int, _ desk: OwingDesk, _ parcel: OwedParcel?, _ bytes: Int, _ patience: Interval
    ) {
        desk.calls += 1
        desk.call = OwingDesk.Call(number: desk.calls, parcel: parcel, left: bytes)
        let due = hosts[host].clock.world(of: clock(of: host) + patience, now: now)
        schedule(.uploadExpires, at: due, host, desk.calls)
        uploadGoes(host, desk.calls)
    }

    /// The next piece of a call leaves.
    mutating func uploadGoes(_ host: Int, _ number: UInt32) {
        guard let desk = hosts[host].desk, var call = desk.call, call.number == number else {
            return
        }
        let link = hosts[host].peers[desk.peer].link
        let piece = min(call.left, Self.pieceBytes)
        let arrival = links[link].send(piece, up: true, now: now)
        if let arrival {
            (call.left, call.losses) = (call.left - piece, 0)
            let left = max(arrival - links[link].traits.latency, now)
            schedule(
                call.left > 0 ? .uploadGoes : .uploadArrives,
                at: call.left > 0 ? left : arrival, host, number)
        } else if call.parcel != nil {
            let pause = Self.resendAfter << UInt64(min(call.losses, 6))
            schedule(.uploadGoes, at: now + pause, host, number)
            call.losses += 1
        }
        desk.call = call
    }

    // MARK: At the hub

    mutating func uploadArrives(_ host: Int, _ number: UInt32) {
        guard let desk = hosts[host].desk, let call = desk.call, call.number == number else {
            return
        }
        let (hub, _) = hosts[host].peers[desk.peer]
        guard hosts[hub].state == .up else { return }
        occurrences += 1
        guard !isExpired(host) else { return reply(host, desk, nil) }
        guard let parcel = call.parcel else {
            return reply(
                host, desk,
                OwingDesk.Reply(
                    marks: SpoolQueue.allCases.map { ($0, desk.ledger.watermark($0)) }))
        }
        let owed = parcel.contents.compactMap { entry -> (sequence: UInt64, item: OwedItem)? in
            guard case .item(let item) = entry.content, parcel.queue == .escalation,
                desk.ledger.settled[entry.sequence] == nil
            else { return nil }
            return (entry.sequence, item)
        }
        desk.call?.frames = OwedIntake(waiting: owed[...])
        inferOwed(host, desk)
    }

    /// Has the hub infer what is left of a batch, or ends it.
    private mutating func inferOwed(_ host: Int, _ desk: OwingDesk) {
        guard var frames = desk.call?.frames, let call = desk.call else { return }
        let (hub, link) = hosts[host].peers[desk.peer]
        while !frames.isGivenUp, frames.running < OwedIntake.atOnce,
            let next = frames.waiting.popFirst()
        {
            let task = loads[Int(next.item.load)].task
            guard hosts[hub].state == .up else {
                frames.isGivenUp = true
                break
            }
            guard hosts[hub].ownTask[task] >= 0 else {
                frames.outcomes[next.sequence] = false
                continue
            }
            var frame = SimulatedFrame()
            frame.origin = .owed(UInt32(host), call.number, UInt32(next.sequence))
            frame.serial = next.item.serial
            frame.load = next.item.load
            let range = hosts[hub].shards
            let isIn = submit(
                range.lowerBound + host % range.count, frame, task, .wait, OwedIntake.patience,
                source: links[link].source, workClass: .batch)
            if isIn { frames.running += 1 } else { frames.isGivenUp = true }
        }
        desk.call?.frames = frames
        guard frames.running == 0, frames.waiting.isEmpty || frames.isGivenUp else { return }
        ingest(host, desk, frames.outcomes)
    }

    /// An owed frame has its answer, or will have none (`outcome` 1, 2), or none now (0).
    mutating func owedEnds(_ host: Int, _ number: UInt32, _ sequence: UInt32, _ outcome: UInt32) {
        guard let desk = hosts[host].desk, desk.call?.number == number,
            desk.call?.frames != nil
        else { return }
        occurrences += 1
        desk.call?.frames?.running -= 1
        if outcome == 0 {
            desk.call?.frames?.isGivenUp = true
        } else {
            desk.call?.frames?.outcomes[UInt64(sequence)] = outcome == 1
        }
        inferOwed(host, desk)
    }

    private mutating func ingest(_ host: Int, _ desk: OwingDesk, _ outcomes: [UInt64: Bool]) {
        guard let parcel = desk.call?.parcel else { return }
        desk.call?.frames = nil
        let words = desk.ledger.ingest(
            parcel, outcomes, &desk.accounts, again: settings.planted.countsAgain)
        if let words { fail(.countedOnce, hosts[host].shards.lowerBound, words) }
        let mark = desk.ledger.watermark(parcel.queue)
        var answer = OwingDesk.Reply(marks: [(parcel.queue, mark)])
        if parcel.queue == .escalation, mark >= parcel.first {
            answer.settlements = (parcel.first...min(mark, parcel.last)).compactMap { sequence in
                desk.ledger.settled[sequence].map { (sequence, $0) }
            }
        }
        reply(host, desk, answer)
    }

    private mutating func reply(_ host: Int, _ desk: OwingDesk, _ reply: OwingDesk.Reply?) {
        guard let call = desk.call else { return }
        desk.call?.reply = reply
        let link = hosts[host].peers[desk.peer].link
        let bytes = Self.noteBytes + (reply?.settlements.count ?? 0) * Self.answerBytes
        guard let arrival = links[link].send(bytes, up: false, now: now) else { return }
        schedule(.uploadReturns, at: arrival, host, call.number)
    }

    // MARK: The hub's word

    mutating func uploadReturns(_ host: Int, _ number: UInt32) {
        guard let desk = hosts[host].desk, let call = desk.call, call.number == number else {
            return
        }
        occurrences += 1
        desk.call = nil
        guard let reply = call.reply else {
            return go(host, after: desk.uploading.failed(isRefused: true))
        }
        for settlement in reply.settlements
        where desk.promised.remove(settlement.sequence) != nil { desk.answered += 1 }
        for mark in reply.marks {
            // Frames beyond what was sent now have their answers with the next batch.
            guard call.parcel != nil || mark.queue != .escalation else { continue }
            settle(host, desk, mark.queue, min(mark.through, call.parcel?.last ?? mark.through))
        }
        guard let parcel = call.parcel, let mark = reply.marks.first else {
            desk.uploading.reported()
            return go(host)
        }
        let pause = desk.uploading.acknowledged(
            through: mark.through, of: parcel.first, parcel.last, retryAfter: .zero)
        go(host, after: pause)
    }

    private mutating func settle(
        _ host: Int, _ desk: OwingDesk, _ queue: SpoolQueue, _ watermark: UInt64
    ) {
        guard let spool = desk.spool else { return }
        let depth = spool.depths[Int(queue.rawValue)]
        guard
            let last = Uploading.settled(by: watermark, first: depth.first, next: depth.next)
        else { return }
        if settings.planted.owing != .forgetsCursor { try? spool.settle(queue, through: last) }
        checkRoom(desk, host)
        // Not even a full disk keeps a cursor from moving: there is a reserve for it.
        guard spool.depths[Int(queue.rawValue)].first <= last else { return }
        fail(
            .drains, hosts[host].shards.lowerBound,
            "\(queue): the hub has all up to \(last), and the node keeps it")
    }

    mutating func uploadExpires(_ host: Int, _ number: UInt32) {
        guard let desk = hosts[host].desk, desk.call?.number == number else { return }
        occurrences += 1
        desk.call = nil
        go(host, after: desk.uploading.failed(isRefused: false))
    }
}
