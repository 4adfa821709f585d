public import Ground

extension CircuitBreaker {
    /// The numbers behind a breaker. Times are at least 1 µs and at most a day; others at least 1.
    public struct Settings: Hashable, Sendable {
        /// 5 failures in a row leave little doubt, and one lost packet is not among them.
        public var consecutiveFailures = 5
        /// Of a hundred calls in the window; half is worse than any endpoint that is just busy.
        public var failurePercent = 50
        /// Below 20 calls in the window a share says nothing.
        public var minimumCalls = 20
        /// Good calls in a row that close a half-open breaker.
        public var halfOpenSuccesses = 1
        /// First time open; it doubles with each failure of a half-open breaker.
        public var openTime = Interval.seconds(1)
        /// The longest time open, so that a node that is back is found within about a minute; also
        /// when a call through a half-open breaker counts as lost, and another may go.
        public var longestOpenTime = Interval.seconds(60)
        /// How long without a failure makes n fall by one.
        public var cleanPeriod = Interval.seconds(10)

        /// 2⁶ × 1 s is past the longest time open; a higher n would only take longer to forget.
        static let highestLevel = 6

        public init() {}
    }
}
