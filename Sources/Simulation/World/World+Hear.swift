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
        heard += 1
        trace.put(now)
        trace.put(UInt64(shard))
        event.put(into: &trace)
        recorder?.note(event, on: shard, at: now, in: self.shards)
        // Carrying out an effect adds to the agenda and never comes back here, so the list stays.
        for index in effects.list.indices {
            let effect = effects.list[index]
            effect.put(into: &trace)
            recorder?.note(effect, on: shard, at: now, in: self.shards)
            perform(effect, shard, local)
        }
    }

    private mutating func perform(_ effect: Effect, _ shard: Int, _ local: Instant) {
        let id = effect.frame
        guard let place = shards[shard].place(id) else {
            return fail(
                .nothingAfterEnd, shard, "\(effect) came for a frame that the node had forgotten")
        }
        switch effect {
        case .infer: infer(shard, place)
        case .cancelInference: shards[shard].frames[place].isCancelled = true
        case .call(_, let peer, let attempt, let deadline, let purpose):
            call(shard, place, peer: peer, attempt, deadline, purpose, local)
        case .cancelCall(_, let attempt): cancelCall(shard, place, attempt)
        case .arm(_, let at): arm(shard, place, at)
        case .reply(_, let verdict), .refine(_, let verdict): answer(shard, place, verdict, local)
        case .refuse(_, let refusal): refuse(shard, place, refusal, local)
        case .compare: tally.audits += 1
        case .forget: forget(shard, place, local)
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
        let frame = shards[shard].frames[place]
        let moment = hosts[host].clock.world(of: frame.alarm, now: now)
        guard moment != frame.alarmAt else { return }
        shards[shard].frames[place].alarmAt = moment
        if settings.planted.losesTimers { return }
        schedule(
            .timer, at: moment, shard, frame.id.slot, frame.id.generation, hosts[host].starts)
    }

    mutating func rings(_ shard: Int, _ id: FrameID, incarnation: UInt32) {
        guard hosts[shards[shard].host].starts == incarnation,
            let place = shards[shard].place(id), shards[shard].frames[place].alarmAt == now
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
        if verdict.final, frame.final {
            return fail(.answeredOnce, shard, "a second final answer", frame: frame.serial)
        }
        if local > frame.deadline, !frame.isJolted {
            let late = (local - frame.deadline).milliseconds
            return fail(
                .deadlineKept, shard, "an answer came \(late) ms too late", frame: frame.serial)
        }
        checkBlame(shard, frame, verdict)
        shards[shard].frames[place].first = true
        if verdict.final { shards[shard].frames[place].final = true }
        let answer = said(frame, verdict, tier: hosts[shards[shard].host].plan.tier)
        switch frame.origin {
        case .camera(let camera):
            tally.answered(
                frame, answer, final: verdict.final, site: hosts[shards[shard].host].site,
                task: scenario.loads[cameras[camera].load].task, now: now)
        case .call(let index, let generation):
            guard verdict.final else { return }
            giveBack(index, generation, .success(answer))
        }
        if settings.planted.answersTwice, verdict.final, frame.serial % 1000 == 999 {
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

    private mutating func refuse(
        _ shard: Int, _ place: Int, _ refusal: Refusal, _ local: Instant
    ) {
        let frame = shards[shard].frames[place]
        if frame.final {
            return fail(.answeredOnce, shard, "a refusal after the answer", frame: frame.serial)
        }
        shards[shard].frames[place].final = true
        switch frame.origin {
        case .camera(let camera):
            tally.refused(
                refusal, site: hosts[shards[shard].host].site,
                task: scenario.loads[cameras[camera].load].task, now: now)
        case .call(let index, let generation):
            giveBack(index, generation, .failure(CallFailure(refusal)))
        }
    }

    private mutating func forget(_ shard: Int, _ place: Int, _ local: Instant) {
        let frame = shards[shard].frames[place]
        if !frame.final, !frame.isGivenUp {
            fail(
                .deadlineKept, shard, "the frame was forgotten without a word",
                frame: frame.serial)
        }
        if let call = frame.call, calls.get(call.index, call.generation) != nil {
            fail(.nothingLeaks, shard, "a call outlives its frame", frame: frame.serial)
        }
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
            case .overload: .overloaded
            case .unavailable, .localOnly: .unreachable
            }
    }
}

extension Effect {
    /// The frame that it is about.
    var frame: FrameID {
        switch self {
        case .infer(let id), .cancelInference(let id), .call(let id, _, _, _, _),
            .cancelCall(let id, _), .arm(let id, _), .reply(let id, _), .refine(let id, _),
            .refuse(let id, _), .compare(let id, _), .forget(let id):
            id
        }
    }
}
