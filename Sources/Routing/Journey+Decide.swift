public import Ground

extension Journey {
    /// Kept back from the caller's deadline so that an answer still reaches it. A tenth of what the
    /// caller gave, so that short deadlines are not eaten; at most 10 ms, which is more than an
    /// answer of this node takes to leave it.
    static let replyMargin = Interval.milliseconds(10)

    /// The first event. Returns false when the frame is over at once.
    public mutating func arrive(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        guard arrival.deadline > now else { return refuse(.deadline, &effects) }
        let tenth = Interval(nanoseconds: (arrival.deadline - now).nanoseconds / 10)
        lastMoment = arrival.deadline + .nanoseconds(-min(tenth, Self.replyMargin).nanoseconds)
        effects.append(.arm(id, at: lastMoment))
        // A model that is stale for too long is as good as none.
        guard world.courses[arrival.task].mayAnswer(now: now) else {
            return goUpstream(purpose: .forward, now: now, in: &world, into: &effects)
        }
        guard world.courses[arrival.task].needsWorker else {
            return infer(in: &world, &effects)
        }
        return askForWorker(now: now, in: &world, into: &effects)
    }

    /// Any later event. Returns false when the frame is over.
    public mutating func on(
        _ event: FrameEvent, now: Instant, in world: inout Surroundings,
        into effects: inout Effects
    ) -> Bool {
        switch event {
        case .begun:
            stage = .inferring
            return infer(in: &world, &effects)
        case .displaced:
            return turnedAway(now: now, in: &world, into: &effects)
        case .inferred(let confidence, let alert):
            guard stage == .inferring, local == nil else { return true }
            raise(alert, in: &world, &effects)
            return judge(confidence, now: now, in: &world, into: &effects)
        case .inferenceFailed(let why):
            guard stage == .inferring, local == nil else { return true }
            return withoutModel(why, now: now, in: &world, into: &effects)
        case .answered(let number, let accepted, let alert, let load):
            return answered(
                number, accepted: accepted, alert: alert, load: load, now: now, in: &world,
                into: &effects)
        case .failed(let number, let why):
            return failed(number, why, now: now, in: &world, into: &effects)
        case .heard:
            guard stage == .asking else { return true }
            return askAgain(now: now, in: &world, into: &effects)
        case .kept: return kept(in: &world, &effects)
        case .timer:
            return ring(now: now, in: &world, into: &effects)
        case .cancelled:
            release(now: now, in: &world, into: &effects)
            // Its first answer was then the last one.
            if stage == .refining { record(in: &world, &effects) }
            return over(&effects)
        }
    }

    // MARK: The model here

    private mutating func askForWorker(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        let claim = Admission.Claim(
            id: id, task: arrival.task, workClass: arrival.workClass, source: arrival.source,
            deadline: lastMoment)
        switch world.admission.enter(claim, now: now) {
        case .begin: return infer(in: &world, &effects)
        case .wait:
            stage = .queued
            return true
        case .full: return turnedAway(now: now, in: &world, into: &effects)
        case .hopeless: return refuse(.deadline, &effects)
        }
    }

    /// The bar is that of the model which begins now: another model, with another bar, may take its
    /// place before it has answered.
    private mutating func infer(
        in world: inout Surroundings, _ effects: inout Effects
    ) -> Bool {
        bar = arrival.accept ?? world.courses[arrival.task].bar
        isStale = world.courses[arrival.task].staleSince != nil
        effects.append(.infer(id))
        return true
    }

    private mutating func turnedAway(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        world.changes.append(.shed(task: arrival.task, arrival.workClass))
        return withoutModel(.overload, now: now, in: &world, into: &effects)
    }

    private mutating func judge(
        _ confidence: Confidence?, now: Instant, in world: inout Surroundings,
        into effects: inout Effects
    ) -> Bool {
        // An answer without a confidence, of a task that has none, cannot be below a bar.
        guard let bar, let confidence else {
            return accept(now: now, in: &world, into: &effects)
        }
        let couldAsk = couldAsk(in: &world)
        guard couldAsk, world.courses[arrival.task].mayLeave else {
            if bar.accepts(confidence) { return accept(now: now, in: &world, into: &effects) }
            local = LocalAnswer(accepted: false)
            return conclude(couldAsk ? .localOnly : nil, in: &world, &effects)
        }
        let decision = world.courses[arrival.task].budget.decide(
            confidence, bar: bar, payload: arrival.bytes, now: now)
        if decision == .accepted { return accept(now: now, in: &world, into: &effects) }
        world.tellAccount(of: arrival.task)
        local = LocalAnswer(accepted: false)
        guard decision == .escalate else { return conclude(.budget, in: &world, &effects) }
        return goUpstream(purpose: .escalation, now: now, in: &world, into: &effects)
    }

    private mutating func accept(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        local = LocalAnswer(accepted: true)
        effects.append(.reply(id, verdict(.here, accepted: true, nil, final: true)))
        record(in: &world, &effects)
        return audit(now: now, in: &world, into: &effects)
    }

    private mutating func withoutModel(
        _ why: InferenceFailure, now: Instant, in world: inout Surroundings,
        into effects: inout Effects
    ) -> Bool {
        switch why {
        case .invalid: return refuse(.invalid, &effects)
        case .deadline: return refuse(.deadline, &effects)
        case .overload, .unavailable:
            return goUpstream(
                purpose: .forward, otherwise: why == .overload ? .overload : .unavailable,
                now: now, in: &world, into: &effects)
        }
    }

    /// Emits the task's alert when a score reaches it, once in the frame's life.
    mutating func raise(
        _ score: Confidence?, in world: inout Surroundings, _ effects: inout Effects
    ) {
        guard !hasAlerted, arrival.isEntry, let score,
            let threshold = world.courses[arrival.task].alert, threshold.accepts(score)
        else { return }
        hasAlerted = true
        effects.append(.alert(id, score))
    }

    // MARK: Time

    /// The timer: for a second call, or for the end.
    private mutating func ring(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        if now < lastMoment {
            effects.append(.arm(id, at: lastMoment))
            if stage == .asking, now >= asksUntil {
                return endAsking(now: now, in: &world, into: &effects)
            }
            if now >= hedgeAt { callBeside(now: now, in: &world, into: &effects) }
            return true
        }
        release(now: now, in: &world, into: &effects)
        if stage == .auditing { return over(&effects) }
        return give(up: .deadline, .deadline, .timeout, now: now, in: &world, &effects)
    }

    /// Gives up whatever is under way.
    private mutating func release(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) {
        switch stage {
        case .queued: world.admission.withdraw(id)
        case .inferring: effects.append(.cancelInference(id))
        case .asking: stopAsking(in: &world)
        case .waiting, .refining, .auditing: cancelCalls(now: now, in: &world, into: &effects)
        }
    }

    // MARK: The end

    /// Nothing better will come now: the local answer if there is one, a refusal otherwise.
    ///
    /// - Parameter obstacle: what stood in the way, which decides whether the frame is owed.
    mutating func give(
        up reason: DegradedReason, _ refusal: Refusal, _ obstacle: OwePolicy.Obstacle,
        now: Instant, in world: inout Surroundings, _ effects: inout Effects
    ) -> Bool {
        if local != nil {
            if owe(reason, obstacle, now: now, in: &world, &effects) { return true }
            return conclude(owed ?? reason, in: &world, &effects)
        }
        guard world.courses[arrival.task].hasSafeAnswer, refusal != .invalid else {
            return refuse(refusal, &effects)
        }
        let why = world.courses[arrival.task].isExpired(now: now) ? .stale : reason
        effects.append(.reply(id, verdict(.nobody, accepted: false, why, final: true)))
        record(in: &world, &effects)
        return over(&effects)
    }

    /// Ends with the answer of this node.
    mutating func conclude(
        _ reason: DegradedReason?, in world: inout Surroundings, _ effects: inout Effects
    ) -> Bool {
        let verdict = verdict(.here, accepted: local?.accepted ?? false, reason, final: true)
        if stage == .refining {
            effects.append(.refine(id, verdict))
        } else if world.courses[arrival.task].failsClosed, let refusal = reason?.closedRefusal {
            return refuse(refusal, &effects)
        } else {
            effects.append(.reply(id, verdict))
        }
        record(in: &world, &effects)
        return over(&effects)
    }

    @inline(__always)
    func refuse(_ refusal: Refusal, _ effects: inout Effects) -> Bool {
        effects.append(.refuse(id, refusal))
        return over(&effects)
    }

    @inline(__always)
    func over(_ effects: inout Effects) -> Bool {
        effects.append(.forget(id))
        return false
    }

    @inline(__always)
    func verdict(
        _ answerer: Answerer, accepted: Bool, _ degraded: DegradedReason?, final: Bool
    ) -> Verdict {
        let own: DegradedReason? = answerer == .here && isStale ? .stale : nil
        return Verdict(
            answerer: answerer, accepted: accepted, degraded: degraded ?? own, final: final)
    }
}

extension DegradedReason {
    /// What a task that fails closed says instead of an answer that is degraded for this reason;
    /// `nil` when the answer stands, since the task's own rules kept the frame here.
    var closedRefusal: Refusal? {
        switch self {
        case .upstreamDown, .stale: .unavailable
        case .deadline: .deadline
        case .overload: .overload
        case .budget, .localOnly: nil
        }
    }
}
