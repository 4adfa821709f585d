public import Ground

extension Surroundings {
    /// Lets a call to a peer through, or not.
    mutating func begin(_ index: Int, now: Instant) -> CircuitBreaker.Attempt? {
        let before = peers[index].breaker.state(now: now)
        guard let attempt = admit(index, now: now) else { return nil }
        peers[index].pending += 1
        if before == .halfOpen, attempt.isProbe {
            changes.append(.breaker(peer: index, .halfOpen))
        }
        return attempt
    }

    private mutating func admit(_ index: Int, now: Instant) -> CircuitBreaker.Attempt? {
        switch peers[index].override {
        case .open: nil
        case .closed: peers[index].breaker.admit(now: now) ?? .unwatched(now)
        case nil: peers[index].breaker.admit(now: now)
        }
    }

    /// Learns how a call ended.
    mutating func end(
        _ attempt: CircuitBreaker.Attempt, at index: Int, _ outcome: AttemptOutcome, now: Instant
    ) {
        peers[index].pending -= 1
        if outcome != .abandoned, outcome != .timedOut { peers[index].heardAt = now }
        if place.isMember {
            if isNews(attempt, at: index, outcome, now: now) {
                tellEnded(attempt, at: index, outcome, now: now)
            }
        } else {
            let expected = peers[index].expected(outcome, now: now)
            judge(attempt, at: index, outcome, expected: expected, now: now)
        }
        let waited = now - attempt.start
        switch outcome {
        case .answered:
            peers[index].latency.observe(waited, now: now)
            peers[index].answered(after: waited, now: now)
        case .timedOut:
            // An answer would have taken longer still: that it looks quick by this must not be.
            if waited >= peers[index].latency.measured ?? .zero {
                peers[index].latency.observe(waited, now: now)
            }
        case .throttled: peers[index].latency.throttled(prior: peers[index].prior, now: now)
        case .failed, .abandoned, .rejected: break
        }
    }

    /// Takes a peer's word on its load.
    mutating func report(_ load: PeerLoad?, of index: Int, now: Instant) {
        guard let load else { return }
        peers[index].load = load
        peers[index].loadAt = now
    }

    /// Whether the owner of the breaker would learn anything of how a call ended.
    private func isNews(
        _ attempt: CircuitBreaker.Attempt, at index: Int, _ outcome: AttemptOutcome, now: Instant
    ) -> Bool {
        switch outcome {
        case .answered, .failed, .timedOut: return true
        case .rejected, .throttled: return attempt.isProbe
        case .abandoned:
            let expected = peers[index].expected(outcome, now: now)
            return attempt.isProbe || now - attempt.start >= expected + expected
        }
    }

    /// Judges a peer by how a call ended, here or at another shard.
    mutating func judge(
        _ attempt: CircuitBreaker.Attempt, at index: Int, _ outcome: AttemptOutcome,
        expected: Interval, now: Instant
    ) {
        switch outcome {
        case .answered: outliers.record(index, success: true)
        default:
            if outcome.isHeld(after: now - attempt.start, expected: expected) {
                outliers.record(index, success: false)
            }
        }
        let before = peers[index].breaker.phaseName
        peers[index].breaker.settle(
            attempt, outcome, expected: expected, now: now, random: &randomness)
        if attempt.isProbe { trialEnded(attempt, at: index, outcome, now: now) }
        let after = peers[index].breaker.phaseName
        guard before != after else { return }
        // Who has leave drops it when he hears the verdict.
        peers[index].lent = nil
        changes.append(.breaker(peer: index, after))
        tellAll(.breaker(peer: index, peers[index].breaker.standing))
        if after == .open { standBack(from: index, until: peers[index].breaker.opensUntil ?? now) }
    }

    // MARK: Probes

    /// What is to be done as time passes: probes that are due, and outliers.
    public mutating func tick(now: Instant, probe: (Int, UInt32, Instant) -> Void) {
        if policy.probe != nil {
            for index in peers.indices where peers[index].isOfUse {
                probeIfDue(index, now: now, probe)
            }
        }
        settleLeases(now: now)
        defer { idleUntil = quietUntil() }
        guard !place.isMember else { return }
        var ejected: [(peer: Int, isOut: Bool)] = []
        outliers.tick(now: now, pools: pools) { ejected.append(($0, $1)) }
        for one in ejected {
            changes.append(.ejected(peer: one.peer, one.isOut))
            tellAll(.ejected(peer: one.peer, one.isOut))
        }
    }

    @inline(__always)
    private func quietUntil() -> Instant {
        // It tells the owner, tick by tick, what its budgets have seen.
        guard !place.isMember else { return Instant(nanoseconds: 0) }
        var moment = outliers.idleUntil
        guard policy.probe != nil else { return moment }
        for index in peers.indices where peers[index].isOfUse {
            guard peers[index].pending == 0 else { return Instant(nanoseconds: 0) }
            let next =
                peers[index].probe.began.map { $0 + Probe.timeout + Probe.timeout }
                ?? peers[index].probe.next
            moment = min(moment, next)
        }
        return admission.waitingCount == 0 ? moment : Instant(nanoseconds: 0)
    }

    private mutating func probeIfDue(
        _ index: Int, now: Instant, _ send: (Int, UInt32, Instant) -> Void
    ) {
        if let began = peers[index].probe.began {
            // An answer that its host never gave must not end all probing.
            guard now - began > Probe.timeout + Probe.timeout else { return }
            probed(index, number: peers[index].probe.number, isWell: false, now: now)
        }
        guard now >= peers[index].probe.next || isSilent(index, now: now) else { return }
        startProbe(index, now: now, send)
    }

    private mutating func startProbe(
        _ index: Int, now: Instant, _ send: (Int, UInt32, Instant) -> Void
    ) {
        peers[index].probe.number &+= 1
        peers[index].probe.began = now
        peers[index].probe.sentAt = now
        send(index, peers[index].probe.number, now + Probe.timeout)
    }

    /// A peer has called this node. One that was taken for dead is asked at once, whatever pause
    /// it has earned; a probe that is under way was sent before, and is not awaited.
    public mutating func called(
        by index: Int, now: Instant, probe: (Int, UInt32, Instant) -> Void
    ) {
        guard policy.probe != nil, peers[index].isOfUse, !peers[index].isWell else { return }
        startProbe(index, now: now, probe)
    }

    /// Whether calls wait for a peer that has said nothing for a while: before their deadlines tell
    /// that it hangs, a probe may.
    private func isSilent(_ index: Int, now: Instant) -> Bool {
        guard peers[index].pending > 0, let every = policy.probe else { return false }
        return now - peers[index].heardAt >= every && now - peers[index].probe.sentAt >= every
    }

    /// Learns how a probe ended.
    public mutating func probed(_ index: Int, number: UInt32, isWell: Bool, now: Instant) {
        guard let began = peers[index].probe.began, peers[index].probe.number == number else {
            return
        }
        peers[index].probe.began = nil
        peers[index].probe.failures = isWell ? 0 : peers[index].probe.failures + 1
        if isWell {
            peers[index].distance.observe(now - began, now: now)
            peers[index].heardAt = now
        }
        let seemsWell = isWell || peers[index].probe.failures < Probe.mostFailures
        let wasOpen = peers[index].breaker.phaseName == .open
        if isWell || !seemsWell, peers[index].isWell != isWell {
            peers[index].isWell = isWell
            if !wasOpen { changes.append(.well(peer: index, isWell)) }
        }
        peers[index].probe.next = now + probeInterval(of: index)
    }

    private mutating func probeInterval(of index: Int) -> Interval {
        let every = policy.probe ?? .seconds(1)
        let isCompared = courses.contains { course in
            course.neighbours.contains(index)
                || course.levels.contains { $0.count > 1 && $0.contains(index) }
        }
        let isSettled =
            peers[index].isWell && !peers[index].isDraining
            && peers[index].breaker.phaseName == .closed
        let factor = isSettled && !isCompared ? Probe.idleFactor : 1
        let backoff = every.nanoseconds << Int64(min(peers[index].probe.failures, 8))
        let base = Interval(
            nanoseconds: max(
                every.nanoseconds * factor, min(backoff, Probe.mostBackoff.nanoseconds)))
        // Nodes that were cut off together do not all ask at once.
        let spread = base.nanoseconds / 10
        return base + .nanoseconds(Int64(randomness.draw(below: Int(max(1, spread)))))
    }
}
