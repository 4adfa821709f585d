import Ground
import Node
import Routing
import Topology

extension World {
    /// Gives a shard one event and carries out what it says.
    mutating func hear(_ shard: Int, _ event: Event) {
        let local = clock(of: shards[shard].host)
        effects.removeAll()
        shards[shard].node.on(event, now: local, into: &effects)
        wake(shard, by: event)
        trace.put(now)
        trace.put(UInt64(shard))
        trace.add(event)
        if settings.keepsLogs { shards[shard].log?.append(event, at: local, effects) }
        recorder?.note(event, on: shard, at: now, in: self.shards)
        if shards[shard].number.count > 1 { watchTogether(event, shard) }
        // Carrying out an effect adds to the agenda and never comes back here, so the list stays.
        for index in effects.list.indices {
            let effect = effects.list[index]
            trace.add(effect)
            recorder?.note(effect, on: shard, at: now, in: self.shards)
            perform(effect, shard, local)
        }
    }

    private mutating func perform(_ effect: Effect, _ shard: Int, _ local: Instant) {
        guard let id = effect.frame else { return performAside(effect, shard, local) }
        guard let place = shards[shard].place(id) else {
            return fail(
                .nothingAfterEnd, shard, "\(effect) came for a frame that the node had forgotten")
        }
        switch effect {
        case .infer: infer(shard, place)
        case .cancelInference: shards[shard].frames[place].isCancelled = true
        case .alert: alert(shard, place)
        case .call(_, let order): call(shard, place, order, local)
        case .cancelCall(_, let attempt): cancelCall(shard, place, attempt)
        case .arm(_, let at): arm(shard, place, at)
        case .reply(_, let verdict), .refine(_, let verdict): answer(shard, place, verdict, local)
        case .refuse(_, let refusal): refuse(shard, place, refusal)
        case .compare: tally.audits += 1
        case .owe: owe(shard, place)
        case .record: record(shard, place)
        case .forget: forget(shard, place)
        case .probe, .noted, .tell: break
        }
    }

    private mutating func performAside(_ effect: Effect, _ shard: Int, _ local: Instant) {
        switch effect {
        case .probe(let peer, let number, let deadline): probe(shard, peer, number, deadline)
        case .noted(let change): noted(change, shard, local)
        case .tell(let letter): send(letter, from: shard)
        default: break
        }
    }

    // MARK: Timers

    private mutating func arm(_ shard: Int, _ place: Int, _ at: Instant) {
        shards[shard].frames[place].alarm = at
        setAlarm(shard, place)
    }

    /// Has the timer ring when the node's clock says so.
    mutating func setAlarm(_ shard: Int, _ place: Int) {
        let host = shards[shard].host
        let alarm = shards[shard].frames[place].alarm
        let moment = hosts[host].clock.world(of: alarm, now: now)
        guard moment != shards[shard].frames[place].alarmAt else { return }
        shards[shard].frames[place].alarmAt = moment
        if settings.planted.losesTimers { return }
        let id = shards[shard].frames[place].id
        agenda.remove(shards[shard].frames[place].timer)
        shards[shard].frames[place].timer = agenda.add(
            Occurrence(
                at: moment, order: 0, a: UInt32(shard), b: id.slot, c: id.generation,
                d: hosts[host].starts, kind: .timer))
    }

    mutating func rings(_ shard: Int, _ id: FrameID, incarnation: UInt32) {
        guard let place = shards[shard].place(id), shards[shard].frames[place].alarmAt == now,
            hosts[shards[shard].host].starts == incarnation
        else { return }
        occurrences += 1
        shards[shard].frames[place].alarmAt = .max
        hear(shard, .frame(id, .timer))
    }

    // MARK: What is said to whoever waits

    private mutating func answer(
        _ shard: Int, _ place: Int, _ verdict: Verdict, _ local: Instant
    ) {
        let frame = shards[shard].frames[place]
        checkAnswer(shard, frame, verdict, local)
        if verdict.final { shards[shard].frames[place].final = true }
        shards[shard].frames[place].answered = true
        let host = shards[shard].host
        let answer = said(frame, verdict, tier: hosts[host].tier)
        switch frame.origin {
        case .camera(let camera):
            tally.answered(
                frame, answer, final: verdict.final, site: hosts[host].site,
                task: loads[cameras[Int(camera)].load].task, now: now)
        case .call(let id):
            guard verdict.final else { return }
            var answer = answer
            answer.load = shards[shard].node.load
            giveBack(id, .success(answer))
        case .owed(let owner, let call, let sequence):
            guard verdict.final else { return }
            schedule(.owedEnds, at: now, Int(owner), call, sequence, 1)
        }
        if settings.planted.answersTwice, verdict.final, frame.serial % 1000 == 999,
            !isBroken
        {
            self.answer(shard, place, verdict, local)
        }
    }

    private func said(_ frame: SimulatedFrame, _ verdict: Verdict, tier: Tier) -> Answer {
        guard case .peer = verdict.answerer, let upstream = frame.upstream else {
            return Answer(tier: tier, accepted: verdict.accepted, degraded: verdict.degraded)
        }
        return Answer(
            tier: upstream.tier, accepted: verdict.accepted,
            degraded: verdict.degraded ?? upstream.degraded)
    }

    private mutating func refuse(_ shard: Int, _ place: Int, _ refusal: Refusal) {
        let frame = shards[shard].frames[place]
        if frame.final {
            fail(.answeredOnce, shard, "a refusal after the answer", frame: frame.serial)
        }
        if refusal == .quota { checkQuota(shard, frame) }
        shards[shard].frames[place].final = true
        switch frame.origin {
        case .camera(let camera):
            tally.refused(
                refusal, site: hosts[shards[shard].host].site,
                task: loads[cameras[Int(camera)].load].task, now: now)
            guard refusal != .deadline || !frame.isJolted else { return }
            checkAlone(
                shards[shard].host, since: frame.since, "a frame was refused: \(refusal.name)",
                frame: frame.serial)
        case .call(let id): giveBack(id, .failure(CallFailure(refusal)))
        case .owed(let owner, let call, let sequence):
            let isFinal = refusal == .invalid || refusal == .localOnly
            schedule(.owedEnds, at: now, Int(owner), call, sequence, isFinal ? 2 : 0)
        }
    }

    private mutating func alert(_ shard: Int, _ place: Int) {
        let frame = shards[shard].frames[place]
        tally.alerts += 1
        if frame.alerted || frame.final {
            fail(
                .alertsOnce, shard, frame.alerted ? "a second alert" : "an alert after the answer",
                frame: frame.serial)
        }
        shards[shard].frames[place].alerted = true
        let host = shards[shard].host
        guard let desk = hosts[host].desk else { return }
        append(desk, host, .alert, frame.serial, load: frame.load, OwedItem.bytes(of: .alert))
    }

    private mutating func forget(_ shard: Int, _ place: Int) {
        let frame = shards[shard].frames[place]
        if !frame.final, !frame.isGivenUp {
            fail(
                .deadlineKept, shard, "the frame was forgotten without a word",
                frame: frame.serial)
        }
        checkRecord(shard, frame)
        if frame.call != nil || frame.beside != nil {
            fail(.nothingLeaks, shard, "a call outlives its frame", frame: frame.serial)
        }
        agenda.remove(frame.timer)
        shards[shard].frames[place].isThere = false
    }
}

extension CallFailure {
    /// What a node's refusal means to the node that asked, as statuses carry it.
    init(_ refusal: Refusal) {
        self =
            switch refusal {
            case .invalid: .refused
            case .deadline: .timeout
            case .overload, .quota: .overloaded
            case .unavailable, .localOnly: .unreachable
            }
    }
}

extension Effect {
    var isCall: Bool { if case .call = self { true } else { false } }

    /// The frame that it is about, `nil` where it is about none.
    var frame: FrameID? {
        switch self {
        case .infer(let id), .cancelInference(let id), .alert(let id, _), .call(let id, _),
            .cancelCall(let id, _), .arm(let id, _), .reply(let id, _), .refine(let id, _),
            .refuse(let id, _), .compare(let id, _), .owe(let id, _), .record(let id),
            .forget(let id):
            id
        case .probe, .noted, .tell: nil
        }
    }
}
