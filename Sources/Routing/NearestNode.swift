public import Ground

/// Chooses the node to send a call to: the nearest live one, without flapping between equals.
///
/// The `home` is the nearest node that is known. Another takes its place only when it is nearer by
/// more than 20 %, or when home is gone. Nodes about as near as home share the calls: of two drawn
/// at random, the one with the lower `cost × (pending + 1)` is taken. A node more than 50 ms away
/// is taken only when no live one is nearer.
public struct NearestNode<ID: Equatable & Sendable>: Sendable {
    /// One node within policy, as it is known at this moment.
    public struct Candidate: Sendable {
        public var id: ID
        /// The measured round trip, or the prior by geography before a measurement.
        public var distance: Interval
        /// What a call is expected to cost: `RoundTrip.cost`.
        public var cost: Interval
        /// Calls that are under way there.
        public var pending: Int
        /// Whether it may be called: its breaker allows, it is not drained.
        public var isLive: Bool

        public init(id: ID, distance: Interval, cost: Interval, pending: Int, isLive: Bool) {
            self.id = id
            self.distance = distance
            self.cost = cost
            self.pending = pending
            self.isLive = isLive
        }
    }

    /// The node at which choosing is centred; `nil` before the first choice.
    public private(set) var home: ID?
    public var settings: NearestNodeSettings

    public init(_ settings: NearestNodeSettings = NearestNodeSettings()) {
        self.settings = settings
    }

    /// The index of the chosen candidate; `nil` when none is live. O(n), and nothing is allocated.
    public mutating func choose(
        among candidates: [Candidate], random: inout some RandomNumberGenerator
    ) -> Int? {
        guard let nearest = Self.nearest(of: candidates) else { return nil }
        let centre = settleHome(candidates, nearest: nearest)
        let reach = reach(of: candidates[centre], nearest: candidates[nearest])
        let equals = candidates.indices.lazy.filter {
            candidates[$0].isLive && candidates[$0].distance <= reach
        }
        let count = equals.count
        guard count > 1 else { return centre }
        let first = random.draw(below: count)
        var second = random.draw(below: count - 1)
        if second >= first { second += 1 }
        let a = Self.member(first, of: equals)
        let b = Self.member(second, of: equals)
        return Self.isLighter(candidates[b], than: candidates[a]) ? b : a
    }

    /// The index of home itself, for callers that keep to one node instead of sharing their calls
    /// among near-equals; `nil` when none is live.
    public mutating func settle(among candidates: [Candidate]) -> Int? {
        Self.nearest(of: candidates).map { settleHome(candidates, nearest: $0) }
    }

    /// Keeps home where it is good enough, moves it to the nearest otherwise; returns its index.
    private mutating func settleHome(_ candidates: [Candidate], nearest: Int) -> Int {
        if let home, let index = candidates.firstIndex(where: { $0.id == home && $0.isLive }),
            staysHome(candidates[index], nearest: candidates[nearest])
        {
            return index
        }
        home = candidates[nearest].id
        return nearest
    }

    private func staysHome(_ home: Candidate, nearest: Candidate) -> Bool {
        if home.distance > settings.far { return home.distance <= nearest.distance }
        let gain = home.distance - nearest.distance
        return gain <= settings.margin(of: home.distance)
    }

    /// The distance up to which nodes count as near-equals of home.
    private func reach(of home: Candidate, nearest: Candidate) -> Interval {
        if nearest.distance > settings.far { return nearest.distance }
        let near = home.distance + settings.margin(of: home.distance)
        return min(near, settings.far)
    }

    private static func nearest(of candidates: [Candidate]) -> Int? {
        var best: Int?
        for index in candidates.indices where candidates[index].isLive {
            if let held = best, candidates[held].distance <= candidates[index].distance { continue }
            best = index
        }
        return best
    }

    private static func member(_ rank: Int, of indices: some Sequence<Int>) -> Int {
        var rank = rank
        for index in indices {
            if rank == 0 { return index }
            rank -= 1
        }
        preconditionFailure("a rank below the count has a member")
    }

    private static func isLighter(_ a: Candidate, than b: Candidate) -> Bool {
        load(a) < load(b)
    }

    private static func load(_ candidate: Candidate) -> Double {
        Double(max(candidate.cost.nanoseconds, 1)) * Double(max(candidate.pending, 0) + 1)
    }
}
