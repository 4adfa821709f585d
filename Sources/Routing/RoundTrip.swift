public import Ground

/// How long one endpoint takes to answer: a peak-sensitive moving average.
///
/// It jumps to a slow sample at once and forgets it exponentially, so that trouble is seen within
/// one call. A refusal for overload (429) is quick and must not look good: it adds a penalty that
/// doubles with each refusal and fades with time alone, so that an endpoint which is avoided for it
/// comes back.
public struct RoundTrip: Sendable {
    /// How quickly things are forgotten.
    public struct Settings: Hashable, Sendable {
        /// Time constant of the average. 500 ms: a fall from 120 ms to 5 ms is seen as less than
        /// 16 ms after 1.2 s, which lets a nearer node win within 2 s of a change.
        public var decay = Interval.milliseconds(500)
        /// Time constant of the penalty. 5 s: about as long as a retry hint.
        public var penaltyDecay = Interval.seconds(5)
        /// The most that refusals cost. 1 s: twenty times the farthest node that is taken freely.
        public var penaltyCeiling = Interval.seconds(1)
        /// The least that the first refusal costs. 1 ms: on one LAN twice nothing is nothing.
        public var penaltyFloor = Interval.milliseconds(1)

        public init() {}
    }

    public let settings: Settings
    private var mean: Double?
    private var measuredAt = Instant(nanoseconds: 0)
    private var penalty = 0.0
    private var penalizedAt = Instant(nanoseconds: 0)

    public init(_ settings: Settings = Settings()) { self.settings = settings }

    /// The average without penalties; `nil` before the first sample.
    public var measured: Interval? {
        mean.map { Interval(nanoseconds: Int64($0)) }
    }

    /// Takes one measurement.
    public mutating func observe(_ sample: Interval, now: Instant) {
        let sample = Double(max(sample.nanoseconds, 0))
        if let old = mean, sample < old {
            let keep = Decay.remaining(after: now - measuredAt, constant: settings.decay)
            mean = old * keep + sample * (1 - keep)
        } else {
            mean = sample
        }
        measuredAt = max(now, measuredAt)
    }

    /// The endpoint refused a call for overload. `prior` stands in before the first measurement.
    public mutating func throttled(prior: Interval, now: Instant) {
        let base = max(mean ?? Double(prior.nanoseconds), Double(settings.penaltyFloor.nanoseconds))
        let doubled = 2 * remainingPenalty(now) + base
        penalty = min(doubled, Double(settings.penaltyCeiling.nanoseconds))
        penalizedAt = now
    }

    /// What a call is expected to cost: the average, or `prior` before a measurement, and what is
    /// left of the penalty.
    public func cost(prior: Interval, now: Instant) -> Interval {
        let base = mean ?? Double(max(prior.nanoseconds, 0))
        return Interval(nanoseconds: Int64(min(base + remainingPenalty(now), 0x1p62)))
    }

    private func remainingPenalty(_ now: Instant) -> Double {
        penalty == 0
            ? 0
            : penalty
                * Decay.remaining(after: now - penalizedAt, constant: settings.penaltyDecay)
    }
}
