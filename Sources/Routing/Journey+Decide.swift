public import Ground

extension Journey {
    /// Kept back from the caller's deadline so that an answer still reaches it. A tenth of what the
    /// caller gave, so that short deadlines are not eaten; at most 10 ms, which is more than an
    /// answer of this node takes to leave it.
    static let replyMargin = Interval.milliseconds(10)

    /// Kept back when a deadline is forwarded, for the way back: some round trips of a site's
    /// network. At most a fifth of what remains, for the same reason as above.
    static let forwardMargin = Interval.milliseconds(5)

    /// Less time than this is not worth a call: a pooled hop alone costs about 0.3 ms.
    static let leastCall = Interval.milliseconds(1)

    /// Attempts upstream per frame: the first and one retry.
    static let mostAttempts: UInt32 = 2

    /// The first event. Returns false when the frame is over at once.
    public mutating func arrive(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        guard arrival.deadline > now else { return refuse(.deadline, &effects) }
        let tenth = Interval(nanoseconds: (arrival.deadline - now).nanoseconds / 10)
        lastMoment = arrival.deadline + .nanoseconds(-min(tenth, Self.replyMargin).nanoseconds)
        effects.append(.arm(id, at: lastMoment))
        if world.courses[arrival.task].hasModel {
            effects.append(.infer(id))
            return true
        }
        return goUpstream(purpose: .forward, now: now, in: &world, into: &effects)
    }

    /// Any later event. Returns false when the frame is over.
    public mutating func on(
        _ event: FrameEvent, now: Instant, in world: inout Surroundings,
        into effects: inout Effects
    ) -> Bool {
        switch event {
        case .inferred(let confidence):
            guard stage == .inferring, local == nil else { return true }
            return judge(confidence, now: now, in: &world, into: &effects)
        case .inferenceFailed(let why):
            guard stage == .inferring, local == nil else { return true }
            return withoutModel(why, now: now, in: &world, into: &effects)
        case .answered(let number, let accepted):
            guard number == attempt, stage != .inferring else { return true }
            settle(.answered, now: now, in: &world)
            return take(accepted: accepted, &effects)
        case .failed(let number, let why):
            guard number == attempt, stage != .inferring else { return true }
            settle(why.outcome, now: now, in: &world)
            return afterFailure(why, now: now, in: &world, into: &effects)
        case .timer:
            return expire(now: now, in: &world, into: &effects)
        case .cancelled:
            release(now: now, in: &world, into: &effects)
            return over(&effects)
        }
    }

    // MARK: The model here

    private mutating func judge(
        _ confidence: Confidence?, now: Instant, in world: inout Surroundings,
        into effects: inout Effects
    ) -> Bool {
        // An answer without a confidence, of a task that has none, cannot be below a bar.
        guard let bar = arrival.accept ?? world.courses[arrival.task].bar, let confidence else {
            return accept(now: now, in: &world, into: &effects)
        }
        let couldAsk = couldAsk(in: world)
        guard couldAsk, world.courses[arrival.task].mayLeave else {
            if bar.accepts(confidence) { return accept(now: now, in: &world, into: &effects) }
            local = LocalAnswer(accepted: false)
            return conclude(couldAsk ? .localOnly : nil, &effects)
        }
        let decision = world.courses[arrival.task].budget.decide(
            confidence, bar: bar, payload: arrival.bytes, now: now)
        if decision == .accepted { return accept(now: now, in: &world, into: &effects) }
        local = LocalAnswer(accepted: false)
        guard decision == .escalate else { return conclude(.budget, &effects) }
        return goUpstream(purpose: .escalation, now: now, in: &world, into: &effects)
    }

    private mutating func accept(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        local = LocalAnswer(accepted: true)
        effects.append(.reply(id, verdict(.here, accepted: true, nil, final: true)))
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

    private mutating func audit(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        guard world.courses[arrival.task].mayLeave, couldAsk(in: world),
            world.courses[arrival.task].audits.picks(random: &world.randomness),
            call(purpose: .audit, now: now, in: &world, into: &effects)
        else { return over(&effects) }
        world.courses[arrival.task].budget.charge(payload: arrival.bytes)
        stage = .auditing
        return true
    }

    // MARK: Upstream

    /// Sends the frame on, or ends it with what there is.
    ///
    /// A forward is not charged to the escalation budget: refusing it would save bytes by losing
    /// frames.
    private mutating func goUpstream(
        purpose: Purpose, otherwise: Refusal = .unavailable, now: Instant,
        in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        self.otherwise = otherwise
        guard world.courses[arrival.task].mayLeave else {
            // A full queue has room again soon, and that is what the client should hear.
            return refuse(otherwise == .overload ? .overload : .localOnly, &effects)
        }
        guard couldAsk(in: world) else { return refuse(otherwise, &effects) }
        let isTooLate = forwardDeadline(now: now) - now < Self.leastCall
        guard !isTooLate, call(purpose: purpose, now: now, in: &world, into: &effects) else {
            if purpose == .escalation {
                world.courses[arrival.task].budget.refund(payload: arrival.bytes)
            }
            return isTooLate
                ? give(up: .deadline, .deadline, &effects)
                : give(up: .upstreamDown, otherwise, &effects)
        }
        if let local, arrival.mode == .refine {
            effects.append(
                .reply(id, verdict(.here, accepted: local.accepted, nil, final: false)))
            stage = .refining
        } else {
            stage = .waiting
        }
        return true
    }

    /// Whether there is anybody above this node to ask about the frame.
    private func couldAsk(in world: borrowing Surroundings) -> Bool {
        arrival.mayTravel && !world.courses[arrival.task].peers.isEmpty
    }

    /// Makes one attempt; false when no peer may be asked now.
    private mutating func call(
        purpose: Purpose, now: Instant, in world: inout Surroundings,
        into effects: inout Effects, except: Int? = nil
    ) -> Bool {
        guard let chosen = world.choose(task: arrival.task, except: except, now: now),
            let leave = world.peers[chosen].begin(now: now)
        else { return false }
        if attempt == 0 { world.retries.request(now: now) }
        attempt += 1
        peer = chosen
        self.purpose = purpose
        self.leave = leave
        effects.append(
            .call(
                id, peer: chosen, attempt: attempt, deadline: forwardDeadline(now: now),
                purpose: purpose))
        return true
    }

    private mutating func take(accepted: Bool, _ effects: inout Effects) -> Bool {
        let upstream = verdict(.peer(attempt: attempt), accepted: accepted, nil, final: true)
        switch stage {
        case .waiting: effects.append(.reply(id, upstream))
        case .refining: effects.append(.refine(id, upstream))
        case .auditing: effects.append(.compare(id, attempt: attempt))
        case .inferring: break
        }
        return over(&effects)
    }

    private mutating func afterFailure(
        _ why: CallFailure, now: Instant, in world: inout Surroundings,
        into effects: inout Effects
    ) -> Bool {
        if stage == .auditing { return over(&effects) }
        if why != .refused, why != .timeout, attempt < Self.mostAttempts,
            forwardDeadline(now: now) - now >= Self.leastCall,
            world.hasLivePeer(task: arrival.task, except: peer, now: now),
            world.retries.withdraw(now: now),
            call(purpose: purpose, now: now, in: &world, into: &effects, except: peer)
        {
            return true
        }
        switch why {
        case .unreachable, .unserved: return give(up: .upstreamDown, otherwise, &effects)
        case .timeout: return give(up: .deadline, .deadline, &effects)
        case .overloaded: return give(up: .overload, .overload, &effects)
        case .refused: return give(up: .upstreamDown, .invalid, &effects)
        }
    }

    // MARK: Time

    private mutating func expire(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        release(now: now, in: &world, into: &effects)
        if stage == .auditing { return over(&effects) }
        return give(up: .deadline, .deadline, &effects)
    }

    /// Gives up whatever is under way.
    private mutating func release(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) {
        guard stage != .inferring else {
            effects.append(.cancelInference(id))
            return
        }
        effects.append(.cancelCall(id, attempt: attempt))
        // Whether the peer is to blame depends on how long it had: its breaker judges.
        settle(.abandoned, now: now, in: &world)
    }

    /// Tells the peer's breaker and clock how the present attempt ended, once.
    private mutating func settle(
        _ outcome: AttemptOutcome, now: Instant, in world: inout Surroundings
    ) {
        guard let attempt = leave else { return }
        leave = nil
        world.peers[peer].end(attempt, outcome, now: now, &world.randomness)
    }

    /// What a peer is told: what remains until the last moment, less the way back.
    private func forwardDeadline(now: Instant) -> Instant {
        let fifth = Interval(nanoseconds: (lastMoment - now).nanoseconds / 5)
        return lastMoment + .nanoseconds(-min(fifth, Self.forwardMargin).nanoseconds)
    }

    // MARK: The end

    /// Nothing better will come: the local answer if there is one, a refusal otherwise.
    private mutating func give(
        up reason: DegradedReason, _ refusal: Refusal, _ effects: inout Effects
    ) -> Bool {
        local == nil ? refuse(refusal, &effects) : conclude(reason, &effects)
    }

    private mutating func conclude(
        _ reason: DegradedReason?, _ effects: inout Effects
    ) -> Bool {
        let verdict = verdict(.here, accepted: local?.accepted ?? false, reason, final: true)
        effects.append(stage == .refining ? .refine(id, verdict) : .reply(id, verdict))
        return over(&effects)
    }

    private func refuse(_ refusal: Refusal, _ effects: inout Effects) -> Bool {
        effects.append(.refuse(id, refusal))
        return over(&effects)
    }

    private func over(_ effects: inout Effects) -> Bool {
        effects.append(.forget(id))
        return false
    }

    private func verdict(
        _ answerer: Answerer, accepted: Bool, _ degraded: DegradedReason?, final: Bool
    ) -> Verdict {
        Verdict(answerer: answerer, accepted: accepted, degraded: degraded, final: final)
    }
}

extension CallFailure {
    /// How the peer's breaker sees it.
    var outcome: AttemptOutcome {
        switch self {
        case .unreachable: .failed
        case .timeout: .timedOut
        case .overloaded: .throttled
        case .refused, .unserved: .rejected
        }
    }
}
