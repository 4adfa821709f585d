internal import Ground

extension Journey {
    /// Kept back when a deadline is forwarded, for the way back: some round trips of a site's
    /// network. At most a fifth of what remains, for the same reason as the reply's margin.
    static let forwardMargin = Interval.milliseconds(5)

    /// Less time than this is not worth a call: a pooled hop alone costs about 0.3 ms.
    static let leastCall = Interval.milliseconds(1)

    /// How long a frame waits for leave that another loop has: that takes four messages between
    /// loops at most, of some microseconds each while they are not very busy.
    static let askingPatience = Interval.milliseconds(10)

    /// Calls per frame: the first and one more, a retry or a hedge.
    static let mostAttempts: UInt32 = 2

    /// Sends the frame on, or ends it with what there is.
    ///
    /// A forward is not charged to the escalation budget: refusing it would save bytes by losing
    /// frames.
    mutating func goUpstream(
        purpose: Purpose, otherwise: Refusal = .unavailable, now: Instant,
        in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        // A full queue has room again soon, and that is what the client should hear.
        let mayLeave = world.courses[arrival.task].mayLeave
        self.otherwise = mayLeave || otherwise == .overload ? otherwise : .localOnly
        asksNeighbours = purpose == .forward && arrival.isEntry
        guard mayLeave || hasNeighbour(in: &world) else {
            return give(up: .localOnly, self.otherwise, .unserved, now: now, in: &world, &effects)
        }
        guard couldAsk(in: &world) || hasNeighbour(in: &world) else {
            return give(
                up: otherwise == .overload ? .overload : .upstreamDown, otherwise, .unserved,
                now: now, in: &world, &effects)
        }
        self.purpose = purpose
        guard isTimeForCall(now: now) else {
            stopAsking(in: &world)
            return give(up: .deadline, .deadline, .timeout, now: now, in: &world, &effects)
        }
        if call(.first, purpose, now: now, in: &world, into: &effects) {
            return called(now: now, in: &world, into: &effects)
        }
        guard world.isAsking else { return nobody(now: now, in: &world, &effects) }
        world.askers.append(id)
        stage = .asking
        let half = Interval(nanoseconds: (lastMoment - now).nanoseconds / 2)
        asksUntil = now + min(Self.askingPatience, half)
        effects.append(.arm(id, at: asksUntil))
        return true
    }

    /// Another loop has said something: it may be leave for the call.
    mutating func askAgain(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        guard isTimeForCall(now: now),
            call(.first, purpose, now: now, in: &world, into: &effects)
        else {
            world.askers.append(id)
            return true
        }
        effects.append(.arm(id, at: lastMoment))
        return called(now: now, in: &world, into: &effects)
    }

    /// No leave has come in time. What this loop has learnt meanwhile may do instead.
    mutating func endAsking(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        world.askers.removeAll { $0 == id }
        guard isTimeForCall(now: now),
            call(.first, purpose, now: now, in: &world, into: &effects)
        else { return nobody(now: now, in: &world, &effects) }
        return called(now: now, in: &world, into: &effects)
    }

    /// There is nobody to ask now.
    mutating func nobody(
        now: Instant, in world: inout Surroundings, _ effects: inout Effects
    ) -> Bool {
        stopAsking(in: &world)
        return give(
            up: .upstreamDown, otherwise, .unreachable, now: now, in: &world, &effects)
    }

    /// The call that the budget has paid for is not made.
    mutating func stopAsking(in world: inout Surroundings) {
        if stage == .asking { world.askers.removeAll { $0 == id } }
        guard purpose == .escalation else { return }
        world.courses[arrival.task].budget.refund(payload: arrival.bytes)
    }

    /// The first call is under way.
    private mutating func called(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        if let local, arrival.mode == .refine {
            effects.append(
                .reply(id, verdict(.here, accepted: local.accepted, nil, final: false)))
            stage = .refining
        } else {
            stage = .waiting
        }
        armHedge(now: now, in: &world, into: &effects)
        return true
    }

    mutating func audit(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        guard world.courses[arrival.task].mayLeave, couldAsk(in: &world),
            world.courses[arrival.task].audits.picks(random: &world.randomness),
            call(.first, .audit, now: now, in: &world, into: &effects)
        else { return over(&effects) }
        world.courses[arrival.task].budget.charge(payload: arrival.bytes)
        world.tellAccount(of: arrival.task)
        stage = .auditing
        return true
    }

    /// Whether there is anybody above this node to ask about the frame.
    @inline(__always)
    func couldAsk(in world: inout Surroundings) -> Bool {
        arrival.mayTravel && world.courses[arrival.task].hasUpstream
    }

    @inline(__always)
    private func hasNeighbour(in world: inout Surroundings) -> Bool {
        asksNeighbours && !world.courses[arrival.task].neighbours.isEmpty
    }

    // MARK: Calls

    /// Makes one call; false when no peer may be asked now.
    private mutating func call(
        _ reason: PeerCall.Reason, _ purpose: Purpose, now: Instant,
        in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        guard
            let choice = world.choose(
                task: arrival.task, except: lastPeer,
                withNeighbours: asksNeighbours, staysOnSite: !leavesSite(in: &world), now: now),
            let leave = world.begin(choice.peer, now: now)
        else { return false }
        if reason == .first { world.retries.request(now: now) }
        attempts += 1
        self.purpose = purpose
        lastPeer = choice.peer
        let attempt = Attempt(number: attempts, peer: choice.peer, leave: leave)
        if reason == .hedge { hedge = attempt } else { first = attempt }
        effects.append(
            .call(
                id,
                PeerCall(
                    peer: choice.peer, attempt: attempts, deadline: forwardDeadline(now: now),
                    purpose: purpose, reason: reason, isSpill: choice.isSpill)))
        return true
    }

    @inline(__always)
    private func leavesSite(in world: inout Surroundings) -> Bool {
        world.courses[arrival.task].mayLeave && couldAsk(in: &world)
    }

    /// A second call is worth making when the first takes longer than nearly all others did.
    private mutating func armHedge(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) {
        guard arrival.isEntry, let percent = world.policy.hedgePercent,
            world.courses[arrival.task].peerCount > 1,
            let patience = world.courses[arrival.task].latencies.quantile(percent: percent)
        else { return }
        let moment = now + patience
        guard moment < forwardDeadline(now: now) else { return }
        hedgeAt = moment
        effects.append(.arm(id, at: moment))
    }

    /// Asks a second peer beside the first, once, if there is one and the budget allows.
    mutating func callBeside(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) {
        hedgeAt = .distantFuture
        guard let first, hedge == nil, attempts < Self.mostAttempts, mayCallAgain(now: now),
            world.hasLivePeer(task: arrival.task, except: first.peer, now: now),
            leavesSite(in: &world), world.retries.withdraw(now: now)
        else { return }
        _ = call(.hedge, purpose, now: now, in: &world, into: &effects)
    }

    @inline(__always)
    private func mayCallAgain(now: Instant) -> Bool {
        arrival.isEntry && isTimeForCall(now: now)
    }

    @inline(__always)
    private func isTimeForCall(now: Instant) -> Bool {
        forwardDeadline(now: now) - now >= Self.leastCall
    }

    // MARK: Answers

    mutating func answered(
        _ number: UInt32, accepted: Bool, alert: Confidence?, load: PeerLoad?, now: Instant,
        in world: inout Surroundings, into effects: inout Effects
    ) -> Bool {
        guard let attempt = take(number) else { return true }
        world.courses[arrival.task].latencies.observe(now - attempt.leave.start)
        world.report(load, of: attempt.peer, now: now)
        world.end(attempt.leave, at: attempt.peer, .answered, now: now)
        cancelCalls(now: now, in: &world, into: &effects)
        raise(alert, in: &world, &effects)
        let upstream = verdict(.peer(attempt: number), accepted: accepted, nil, final: true)
        switch stage {
        case .waiting: effects.append(.reply(id, upstream))
        case .refining: effects.append(.refine(id, upstream))
        case .auditing: effects.append(.compare(id, attempt: number))
        case .queued, .inferring, .asking: break
        }
        if stage != .auditing { record(in: &world, &effects) }
        return over(&effects)
    }

    mutating func failed(
        _ number: UInt32, _ why: CallFailure, now: Instant, in world: inout Surroundings,
        into effects: inout Effects
    ) -> Bool {
        guard let attempt = take(number) else { return true }
        world.end(attempt.leave, at: attempt.peer, why.outcome, now: now)
        if stage == .auditing { return over(&effects) }
        // The other call goes on.
        if first != nil { return true }
        if why != .refused, why != .timeout, attempts < Self.mostAttempts, mayCallAgain(now: now),
            world.hasLivePeer(task: arrival.task, except: attempt.peer, now: now),
            leavesSite(in: &world), world.retries.withdraw(now: now),
            call(.retry, purpose, now: now, in: &world, into: &effects)
        {
            return true
        }
        let (reason, refusal): (DegradedReason, Refusal) =
            switch why {
            case .unreachable, .unserved: (.upstreamDown, otherwise)
            case .timeout: (.deadline, .deadline)
            case .overloaded: (.overload, .overload)
            case .refused: (.upstreamDown, .invalid)
            }
        return give(up: reason, refusal, why.obstacle, now: now, in: &world, &effects)
    }

    /// The call of this number, which is then no longer under way.
    private mutating func take(_ number: UInt32) -> Attempt? {
        if let ended = first, ended.number == number {
            first = hedge
            hedge = nil
            return ended
        }
        if let ended = hedge, ended.number == number {
            hedge = nil
            return ended
        }
        return nil
    }

    /// Gives the calls under way up, and tells their breakers, once.
    mutating func cancelCalls(
        now: Instant, in world: inout Surroundings, into effects: inout Effects
    ) {
        while let attempt = first {
            first = hedge
            hedge = nil
            effects.append(.cancelCall(id, attempt: attempt.number))
            // Whether the peer is to blame depends on how long it had: its breaker judges.
            world.end(attempt.leave, at: attempt.peer, .abandoned, now: now)
        }
    }

    /// What a peer is told: what remains until the last moment, less the way back.
    @inline(__always)
    func forwardDeadline(now: Instant) -> Instant {
        let fifth = Interval(nanoseconds: (lastMoment - now).nanoseconds / 5)
        return lastMoment + .nanoseconds(-min(fifth, Self.forwardMargin).nanoseconds)
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
