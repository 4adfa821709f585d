public import Ground

/// How many retries and hedges a node may send: a share of its requests, so that a failing upstream
/// is never met with a storm.
///
/// A retry is allowed while the retries of the last 10 s are less than 20 % of the requests of the
/// last 10 s, and also while fewer than the floor were sent in this second: a quiet node may still
/// retry.
public struct RetryBudget: Sendable {
    public struct Settings: Hashable, Sendable {
        /// Retries per hundred requests. 20: at worst a fifth more load.
        public var percent = 20
        /// Retries per second that are always allowed.
        public var floor: Int

        public init(floor: Int) { self.floor = floor }

        /// What a node of the tier uses: 1/s on a leaf, whose few cameras need no more; 10/s above.
        public init(_ tier: Tier) { floor = tier == .leaf ? 1 : 10 }
    }

    public internal(set) var settings: Settings
    private var window = CallWindow()

    public init(_ settings: Settings) { self.settings = settings }

    /// Counts a first attempt. Retries and hedges are not counted here.
    public mutating func request(now: Instant) {
        window.add(calls: 1, marked: 0, now: now)
    }

    /// Takes one retry or hedge from the budget; `false` when there is none left.
    public mutating func withdraw(now: Instant) -> Bool {
        window.advance(to: now)
        let withinShare = (window.total.marked + 1) * 100 <= window.total.calls * settings.percent
        guard withinShare || window.current.marked < settings.floor else { return false }
        window.add(calls: 0, marked: 1, now: now)
        return true
    }
}
