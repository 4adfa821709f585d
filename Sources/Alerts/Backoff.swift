public import Ground

/// How long to wait before something that failed is tried again: twice as long each time, spread by
/// a fifth so that a fleet does not come back in step.
public struct Backoff: Sendable {
    /// The first wait: a broker that restarts is back in about that.
    public static let first = Interval.milliseconds(250)
    /// The longest wait: an alert waits at most that long once its sink is well again.
    public static let longest = Interval.seconds(15)

    private var failures = 0

    public init() {}

    /// The wait after one more failure.
    public mutating func next(_ random: inout Randomness) -> Interval {
        // Past six doublings it is `longest` anyway.
        let factor = Int64(1) << Int64(min(failures, 6))
        failures += 1
        let wait = min(Self.first.nanoseconds * factor, Self.longest.nanoseconds)
        return .nanoseconds(Int64(Double(wait) * (0.8 + 0.4 * random.unit())))
    }

    /// Something succeeded.
    public mutating func reset() { failures = 0 }
}
