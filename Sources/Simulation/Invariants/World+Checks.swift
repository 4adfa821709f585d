import Ground
import Node
import Routing
import Topology

/// What is checked at each step, beside what the steps themselves check.
extension World {
    /// An answer: once, in time, and with a reason that is true.
    mutating func checkAnswer(
        _ shard: Int, _ frame: SimulatedFrame, _ verdict: Verdict, _ local: Instant
    ) {
        if frame.final {
            fail(.answeredOnce, shard, "an answer after the last one", frame: frame.serial)
        }
        if local > frame.deadline, !frame.isJolted {
            let late = (local - frame.deadline).milliseconds
            fail(.deadlineKept, shard, "an answer came \(late) ms too late", frame: frame.serial)
        }
        guard verdict.degraded == .upstreamDown, isHealed, !hasFailed(shard),
            !isTrying(shard, local)
        else { return }
        fail(
            .heals, shard,
            "an answer says upstream_down, and nothing has failed for"
                + " \(Self.healingTime / 1_000_000_000) s",
            frame: frame.serial)
    }

    /// Whether a call of the shard has failed so lately that its breakers may remember.
    @inline(__always)
    func hasFailed(_ shard: Int) -> Bool {
        let host = shards[shard].host
        return hosts[host].shards.contains { one in
            shards[one].failedAt.map { now - $0 <= Self.healingTime } ?? false
        }
    }

    /// Whether a half-open breaker waits for the one call that it let through, on whichever loop:
    /// on a quiet node that may be long after the last failure, and others of that moment are
    /// turned away.
    @inline(__always)
    private func isTrying(_ shard: Int, _ local: Instant) -> Bool {
        hosts[shards[shard].host].shards.contains { one in
            shards[one].node.peers.contains { peer in
                peer.pending > 0 && peer.breaker.state(now: local) == .halfOpen
            }
        }
    }

    /// A call: not too many of one frame, and not too many retries of all.
    mutating func check(
        _ order: PeerCall, of frame: SimulatedFrame, _ shard: Int, _ local: Instant
    ) {
        if order.attempt > 2 || (frame.call != nil && frame.beside != nil) {
            fail(
                .attemptsBounded, shard, "call \(order.attempt) of one frame",
                frame: frame.serial, peer: order.peer)
        }
        checkTogether(order, of: frame, shard)
        let isRetry = order.reason != .first
        if let words = shards[shard].watch.called(retry: isRetry, now: local) {
            fail(.retriesBounded, shard, words, frame: frame.serial, peer: order.peer)
        }
    }

    /// How a call ended: enough failures in a row must have opened the breaker.
    mutating func watch(_ call: Call, _ event: FrameEvent) {
        // The owner hears of the others' calls later, and judges then.
        guard !shards[call.shard].number.isMember else { return }
        let waited = clock(of: shards[call.shard].host) - call.madeAt
        let blame: Bool?
        switch event {
        case .answered:
            blame = shards[call.shard].watch.blame(call.peer, timedOut: false, waited: waited)
        case .failed(_, .timeout):
            blame = shards[call.shard].watch.blame(call.peer, timedOut: true, waited: waited)
        case .failed(_, .unreachable): blame = true
        default: blame = nil
        }
        guard let failed = blame else { return }
        let words = shards[call.shard].watch.ended(
            peer: call.peer, failed: failed, began: call.madeAt,
            now: clock(of: shards[call.shard].host),
            breaker: shards[call.shard].node.peers[call.peer].breaker)
        if let words { fail(.breakerOpens, call.shard, words, peer: call.peer) }
    }

    /// A change that a node tells of.
    mutating func noted(_ change: Change, _ shard: Int, _ local: Instant) {
        tally.noted(change)
        switch change {
        case .breaker(let peer, .open):
            hosts[shards[shard].host].watch.openedAt[peer] = now
        case .ejected(let peer, true): checkEjections(shard, peer)
        case .shed(_, .realtime): checkShed(shard)
        default: break
        }
    }

    private mutating func checkEjections(_ shard: Int, _ peer: Int) {
        let node = shards[shard].node
        let most = hosts[shards[shard].host].blueprint?.node.routing.outliers.ejectedPercent ?? 10
        for course in node.courses {
            for level in course.levels where level.contains(peer) {
                let out = level.count { node.isEjected(peer: $0) }
                let allowed = max(1, level.count * most / 100)
                guard out > allowed else { continue }
                fail(
                    .ejectionsBounded, shard,
                    "\(out) of \(level.count) hosts are ejected, at most \(allowed) may be",
                    peer: peer)
            }
        }
    }

    /// A realtime frame was shed: no lower class may hold more than it is sure of, and have one
    /// that waits.
    private mutating func checkShed(_ shard: Int) {
        var held = InlineArray<4, Int>(repeating: 0)
        var waiting = InlineArray<4, Int>(repeating: 0)
        for frame in shards[shard].frames where frame.isThere && !frame.final {
            // One that waits for the spool, or for another loop's leave to call, has given its
            // place back.
            guard frame.call == nil, frame.beside == nil, !frame.isOwed,
                shards[shard].node.isUnderWay(frame.id), !shards[shard].node.isAsking(frame.id)
            else { continue }
            let urgency = frame.workClass.urgency
            held[urgency] += 1
            if !frame.began { waiting[urgency] += 1 }
        }
        let places = shards[shard].node.admission.limit.places
        for workClass in WorkClass.allCases where workClass != .realtime {
            let urgency = workClass.urgency
            let sure = max(1, places * share(of: workClass, at: shards[shard].host) / 100)
            guard waiting[urgency] > 0, held[urgency] > sure else { continue }
            fail(
                .shedsLowestFirst, shard,
                "a realtime frame was shed while \(workClass) held \(held[urgency]) places,"
                    + " of which it is sure of \(sure)")
        }
    }

    /// Percent of a node's places that a class is sure of, as the topology says.
    private func share(of workClass: WorkClass, at host: Int) -> Int {
        guard let shares = hosts[host].blueprint?.node.routing.admission.shares else { return 100 }
        return switch workClass {
        case .realtime: shares.realtime
        case .standard: shares.standard
        case .batch: shares.batch
        case .sync: shares.sync
        }
    }
}
