/// How sure a model is of an answer: 0 is least sure, 1 is surest. Never NaN.
public struct Confidence: Hashable, Comparable, Sendable {
    /// In 0…1.
    public let value: Double

    /// Takes a calibrated score. What lies outside 0…1 by rounding is brought to the nearer end; a
    /// score that is not finite says that the model is broken, and is the least sure of all.
    @inlinable
    public init(_ score: Double) {
        value = score.isFinite ? min(max(score, 0), 1) : 0
    }

    /// Knows nothing. It passes no bar, not even one of 0.
    public static let none = Confidence(0)

    @inlinable
    public static func < (a: Confidence, b: Confidence) -> Bool { a.value < b.value }
}
