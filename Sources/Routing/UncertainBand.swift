/// The band of scores in which a detector's box is neither a find nor noise.
///
/// A frame is uncertain when one of its boxes scores inside the band, both ends among it.
public struct UncertainBand: Hashable, Sendable {
    public let low: Double
    public let high: Double

    /// A band inside 0…1; `nil` when it is empty, reversed or outside.
    public init?(low: Double, high: Double) {
        guard low >= 0, low <= high, high <= 1 else { return nil }
        self.low = low
        self.high = high
    }

    /// Whether a box with this score makes its frame uncertain. A score that is not a number does.
    @inlinable
    public func contains(_ score: Double) -> Bool {
        score.isNaN || (score >= low && score <= high)
    }
}
