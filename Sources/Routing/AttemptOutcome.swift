/// How one attempt at an endpoint ended, as the breaker hears of it.
public enum AttemptOutcome: Hashable, Sendable, CaseIterable {
    /// It answered as asked.
    case answered
    /// It failed: a 5xx, UNAVAILABLE or INTERNAL, a broken or refused connection.
    case failed
    /// It did not answer in the time that the attempt was given.
    case timedOut
    /// The caller's deadline passed, or the caller went away, before the attempt had ended.
    case abandoned
    /// It refused what was asked (4xx): the caller's fault, and the endpoint is well.
    case rejected
    /// It refused for overload (429, RESOURCE_EXHAUSTED). It also costs: see `RoundTrip.throttled`.
    case throttled
}
