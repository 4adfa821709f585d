import Ground
import Node
import Routing
import Topology

extension World {
    /// How long after everything is well again calls upstream must work: a breaker is open for at
    /// most 72 s, and then waits for one call.
    static let healingTime: UInt64 = 90_000_000_000

    /// Notes that something happened that must never happen.
    mutating func fail(
        _ invariant: Violation.Invariant, _ shard: Int, _ words: String, frame: UInt64? = nil,
        peer: Int? = nil
    ) {
        let name = hosts[shards[shard].host].name
        note(
            Violation(
                invariant: invariant, at: now, node: name, words: words, frame: frame,
                peer: peer, shard: shard))
    }

    /// The world's look around, once a second.
    mutating func look() {
        schedule(.look, at: now + Self.lookEvery, 0)
        let isWell =
            active.allSatisfy { scenario.happenings[$0].isHarmless }
            && hosts.indices.allSatisfy {
                hosts[$0].state == .up && !hosts[$0].engine.isDown
            }
        wellSince = isWell ? wellSince ?? now : nil
        guard isHealed else { return }
        for shard in shards.indices { checkBreakers(shard) }
    }

    /// Whether all has been well for so long that calls must work.
    var isHealed: Bool { wellSince.map { now - $0 > Self.healingTime } ?? false }

    /// A breaker that is open though nothing failed for longer than it may be open never closes.
    private mutating func checkBreakers(_ shard: Int) {
        let local = clock(of: shards[shard].host)
        if hasFailed(shard) { return }
        for (index, peer) in shards[shard].node.peers.enumerated()
        where peer.breaker.state(now: local) == .open {
            fail(
                .heals, shard, "the breaker is open, and no call has failed for 90 s", peer: index)
        }
    }

    /// Lets all frames end, and looks for what is left of them.
    mutating func finish() {
        isEnding = true
        for index in cameras.indices { cameras[index].generation += 1 }
        let longest = topology.tasks.map(\.deadline).max() ?? .zero
        // A clock that stepped back by an hour stands still for so long.
        let patience = UInt64(longest.nanoseconds) * 2 + 5_000_000_000 + stillStanding
        run(until: now + patience)
        guard !isBroken else { return }
        drainDesks()
        guard !isBroken else { return }
        checkSpools()
        if calls.open > 0 { fail(.nothingLeaks, 0, "\(calls.open) calls are still open") }
        for shard in shards.indices where hosts[shards[shard].host].state != .down {
            let left = shards[shard].node.frames
            if left > 0 { fail(.nothingLeaks, shard, "\(left) frames were never forgotten") }
            for (index, peer) in shards[shard].node.peers.enumerated() where peer.pending != 0 {
                fail(
                    .nothingLeaks, shard, "\(peer.pending) calls count as under way", peer: index)
            }
        }
    }

    /// The longest that any clock will not move.
    private var stillStanding: UInt64 {
        scenario.happenings.reduce(0) { most, happening in
            guard case .clock(_, let step, _) = happening.what, step < .zero else { return most }
            return max(most, step.nanoseconds.magnitude)
        }
    }
}

extension Happening {
    /// Whether calls upstream must work while it lasts: it is no fault, or one of a clock's rate.
    var isHarmless: Bool {
        switch what {
        case .load(_, _, let times): times <= 1
        case .clock(_, let step, _): step == .zero
        default: false
        }
    }
}
