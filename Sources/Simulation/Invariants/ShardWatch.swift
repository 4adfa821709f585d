import Ground
import Routing
import Topology

/// What the watch keeps of one shard, on its own account: nothing here asks the node, except where
/// its breakers stand.
struct ShardWatch {
    /// Calls of the last seconds, in buckets of a second on the node's clock.
    struct Window {
        private static let length = 10
        private var buckets = [(second: UInt64, requests: Int, retries: Int)](
            repeating: (0, 0, 0), count: length)

        mutating func add(retry: Bool, now: Instant) {
            let second = now.nanoseconds / 1_000_000_000
            let place = Int(second % UInt64(Self.length))
            if buckets[place].second != second { buckets[place] = (second, 0, 0) }
            if retry { buckets[place].retries += 1 } else { buckets[place].requests += 1 }
        }

        /// Requests and retries of the second that has begun and the nine before it, and the
        /// retries of that second alone.
        func sum(now: Instant) -> (requests: Int, retries: Int, present: Int) {
            let second = now.nanoseconds / 1_000_000_000
            var sum = (requests: 0, retries: 0, present: 0)
            for bucket in buckets where bucket.second + 9 >= second {
                sum.requests += bucket.requests
                sum.retries += bucket.retries
                if bucket.second == second { sum.present = bucket.retries }
            }
            return sum
        }
    }

    /// Failures of one peer, in a row.
    struct Streak {
        var failures = 0
        /// Attempts from before have nothing to say.
        var since = Instant(nanoseconds: 0)
        /// What the slowest answer took; `nil` before there was one.
        var slowest: Interval?
    }

    var window = Window()
    var streaks: [Streak]
    /// Retries a second that are always allowed, and percent of requests, as the topology says.
    private let floor: Int
    private let percent: Int
    /// Failures in a row that open a breaker, as the topology says.
    private let mostFailures: Int

    init(peers: Int, _ plan: RoutingPlan, _ tier: Tier, _ place: ShardPlace) {
        streaks = [Streak](repeating: Streak(), count: peers)
        floor = place.part(of: plan.retries.floor(tier))
        percent = plan.retries.percent
        mostFailures = plan.breaker.consecutiveFailures
    }

    /// Counts a call; says what is wrong when there are too many retries.
    mutating func called(retry: Bool, now: Instant) -> String? {
        window.add(retry: retry, now: now)
        guard retry else { return nil }
        let sum = window.sum(now: now)
        guard sum.retries * 100 > sum.requests * percent, sum.present > floor else { return nil }
        return "\(sum.retries) retries among \(sum.requests) requests in 10 s, and"
            + " \(sum.present) in this second, of which \(floor) are always allowed"
    }

    /// What is held against a peer after a call of so long: nothing is known (`nil`) of one that
    /// timed out before half as long again as its slowest answer.
    mutating func blame(_ peer: Int, timedOut: Bool, waited: Interval) -> Bool? {
        let slowest = streaks[peer].slowest
        guard timedOut else {
            // A clock that stands still after a step back measures nothing: it is no time at all.
            streaks[peer].slowest = max(slowest ?? .nanoseconds(1), waited)
            return false
        }
        guard let slowest, AttemptOutcome.timedOut.isHeld(after: waited, expected: slowest) else {
            return nil
        }
        return true
    }

    /// Counts how a call ended; says what is wrong when the breaker should be open and is not.
    mutating func ended(
        peer: Int, failed: Bool, began: Instant, now: Instant, breaker: CircuitBreaker
    ) -> String? {
        let state = breaker.state(now: now)
        defer {
            if state != .closed { (streaks[peer].failures, streaks[peer].since) = (0, now) }
        }
        guard began > streaks[peer].since else { return nil }
        streaks[peer].failures = failed ? streaks[peer].failures + 1 : 0
        guard streaks[peer].failures >= mostFailures, state == .closed else { return nil }
        return "\(streaks[peer].failures) calls in a row failed, and the breaker is closed"
    }
}
