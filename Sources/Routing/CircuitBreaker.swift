public import Ground

/// Stops calling an endpoint that fails, and finds out carefully when it is well again.
///
/// - Closed: opens on 5 consecutive failures, or when at least half of at least 20 calls in 10 s
///   failed.
/// - Open: for min(1 s × 2ⁿ, 60 s) × U[0.8, 1.2]. Replies to attempts from before are ignored.
/// - Half-open: one call at a time. A success (or as many as set) closes it; a failure opens it
///   with n + 1. While closed, n falls by one with each 10 s without a failure.
public struct CircuitBreaker: Sendable {
    /// Where the breaker stands.
    public enum State: Hashable, Sendable { case closed, open, halfOpen }

    /// One admitted call; hand it back to `settle` when the call has ended, in any way.
    public struct Attempt: Hashable, Sendable {
        /// The breaker's count of changes when it was admitted.
        public let epoch: UInt64
        /// When it was admitted.
        public let start: Instant
        /// Whether it is the one call that a half-open breaker lets through.
        public var isProbe = false

        public init(epoch: UInt64, start: Instant, isProbe: Bool = false) {
            self.epoch = epoch
            self.start = start
            self.isProbe = isProbe
        }

        /// A call that an operator lets past the breaker: its end is no news to it.
        static func unwatched(_ now: Instant) -> Attempt { Attempt(epoch: .max, start: now) }
    }

    enum Phase: Sendable {
        case closed
        case open(until: Instant)
        /// `probe`: when the call that is under way was admitted.
        case halfOpen(successes: Int, probe: Instant?)
    }

    public internal(set) var settings: Settings
    var phase = Phase.closed
    /// Counts changes of phase: an attempt of another epoch has nothing to say about this one.
    var epoch: UInt64 = 0
    /// What a breaker keeps that follows another shard's; `nil` when it judges by itself.
    var follower: Follower?
    private var consecutive = 0
    /// The n of 2ⁿ.
    private var level = 0
    private var cleanSince = Instant(nanoseconds: 0)
    private var window = CallWindow()

    public init(_ settings: Settings = Settings()) { self.settings = settings }

    /// Where the breaker stands at this moment: an open one whose time is over is half-open.
    public func state(now: Instant) -> State {
        switch phase {
        case .closed: .closed
        case .open(let until): now < until ? .open : .halfOpen
        case .halfOpen: .halfOpen
        }
    }

    /// The phase as the breaker last heard of it; an open one whose time is over is still open.
    var phaseName: State {
        switch phase {
        case .closed: .closed
        case .open: .open
        case .halfOpen: .halfOpen
        }
    }

    /// When an open breaker will let a first call through; `nil` when it is not open.
    public var opensUntil: Instant? {
        if case .open(let until) = phase { until } else { nil }
    }

    /// Whether `admit` would let a call through now.
    public func allows(now: Instant) -> Bool {
        switch phase {
        case .closed: true
        case _ where follower != nil: follower?.leave != nil
        case .open(let until): now >= until
        case .halfOpen(_, let probe): probe.map { isLost($0, now) } ?? true
        }
    }

    /// Lets a call through, or refuses it with `nil`.
    public mutating func admit(now: Instant) -> Attempt? {
        guard allows(now: now) else { return nil }
        switch phase {
        case .closed: return Attempt(epoch: epoch, start: now)
        case _ where follower != nil: return takeLeave(now: now)
        case .open:
            epoch += 1
            phase = .halfOpen(successes: 0, probe: now)
        case .halfOpen(let successes, let probe):
            if probe != nil { epoch += 1 }
            phase = .halfOpen(successes: successes, probe: now)
        }
        return Attempt(epoch: epoch, start: now, isProbe: true)
    }

    /// Hears how an attempt ended. `expected` is the endpoint's average time to answer (its
    /// `RoundTrip`, or the prior): a caller that waited twice as long in vain was failed.
    public mutating func settle(
        _ attempt: Attempt, _ outcome: AttemptOutcome, expected: Interval, now: Instant,
        random: inout some RandomNumberGenerator
    ) {
        guard attempt.epoch == epoch else { return }
        let verdict = verdict(outcome, waited: now - attempt.start, expected: expected)
        switch phase {
        case .closed: count(verdict, now: now, random: &random)
        case .open: break
        case .halfOpen(let successes, _):
            judgeProbe(verdict, successes: successes, now: now, random: &random)
        }
    }

    private enum Verdict { case success, failure, neutral }

    private func verdict(
        _ outcome: AttemptOutcome, waited: Interval, expected: Interval
    ) -> Verdict {
        switch outcome {
        case .answered: .success
        case .failed: .failure
        case .rejected, .throttled: .neutral
        case .timedOut: outcome.isHeld(after: waited, expected: expected) ? .failure : .neutral
        case .abandoned: waited >= expected + expected ? .failure : .neutral
        }
    }

    private mutating func count(
        _ verdict: Verdict, now: Instant, random: inout some RandomNumberGenerator
    ) {
        guard verdict != .neutral else { return }
        let failed = verdict == .failure
        forgive(now: now)
        if failed { cleanSince = now }
        consecutive = failed ? consecutive + 1 : 0
        window.add(calls: 1, marked: failed ? 1 : 0, now: now)
        let total = window.total
        let shareReached = total.marked * 100 >= total.calls * settings.failurePercent
        if consecutive >= settings.consecutiveFailures
            || (total.calls >= settings.minimumCalls && shareReached)
        {
            open(now: now, random: &random)
        }
    }

    private mutating func judgeProbe(
        _ verdict: Verdict, successes: Int, now: Instant, random: inout some RandomNumberGenerator
    ) {
        switch verdict {
        case .neutral: phase = .halfOpen(successes: successes, probe: nil)
        case .failure:
            level = min(level + 1, Settings.highestLevel)
            open(now: now, random: &random)
        case .success where successes + 1 < settings.halfOpenSuccesses:
            phase = .halfOpen(successes: successes + 1, probe: nil)
        case .success:
            epoch += 1
            phase = .closed
            cleanSince = now
        }
    }

    private mutating func open(now: Instant, random: inout some RandomNumberGenerator) {
        let base = settings.openTime.nanoseconds << Int64(level)
        let capped = min(base, settings.longestOpenTime.nanoseconds)
        // Thousandths from 800 to 1200: endpoints that failed together do not return together.
        let jittered = capped / 1000 * Int64(800 + random.draw(below: 401))
        epoch += 1
        consecutive = 0
        window.clear()
        phase = .open(until: now + Interval(nanoseconds: jittered))
    }

    /// Lowers n by one for each whole clean period since the last failure.
    private mutating func forgive(now: Instant) {
        let clean = max(now - cleanSince, .zero).nanoseconds
        let period = max(settings.cleanPeriod.nanoseconds, 1)
        let periods = clean / period
        level = max(level - Int(clamping: periods), 0)
        cleanSince = cleanSince + Interval(nanoseconds: periods * period)
    }

    private func isLost(_ probe: Instant, _ now: Instant) -> Bool {
        now - probe >= settings.longestOpenTime
    }
}
