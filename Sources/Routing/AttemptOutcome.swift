public import Ground

/// How one attempt at an endpoint ended, as the breaker hears of it.
public enum AttemptOutcome: Hashable, Sendable, CaseIterable {
    /// It answered as asked.
    case answered
    /// It failed: a 5xx, UNAVAILABLE or INTERNAL, a broken or refused connection.
    case failed
    /// It did not answer in the time that the attempt was given: see `isHeld`.
    case timedOut
    /// The caller's deadline passed, or the caller went away, before the attempt had ended.
    case abandoned
    /// It refused what was asked (4xx): the caller's fault, and the endpoint is well.
    case rejected
    /// It refused for overload (429, RESOURCE_EXHAUSTED). It also costs: see `RoundTrip.throttled`.
    case throttled

    /// Whether the endpoint is to blame, after `waited`, where an answer usually takes `expected`.
    ///
    /// What a call is given is what its caller has left: a task in a hurry must not close the way
    /// of those that have time. So one that timed out is held against nobody unless it had half as
    /// long again as is usual.
    public func isHeld(after waited: Interval, expected: Interval) -> Bool {
        switch self {
        case .failed: true
        case .timedOut: 2 * waited.nanoseconds >= 3 * expected.nanoseconds
        case .answered, .abandoned, .rejected, .throttled: false
        }
    }
}
