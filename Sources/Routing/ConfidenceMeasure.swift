/// Which of a classifier's calibrated scores says how sure it is. The raw value is its name in
/// files.
public enum ConfidenceMeasure: String, CaseIterable, Sendable {
    /// The probability of the answer.
    case maxSoftmax = "max-softmax"
    /// The probability of the answer less that of the runner-up.
    case margin
    /// How far the probabilities are from telling nothing.
    case entropy

    /// Judges one answer.
    ///
    /// - Parameters:
    ///   - maxSoftmax: the largest class probability, 0…1.
    ///   - margin: the largest less the second largest, 0…1.
    ///   - entropy: the entropy of the class probabilities over its largest possible value (nats
    ///     over the natural logarithm of the number of classes), 0…1: 1 is a uniform guess.
    @inlinable
    public func confidence(maxSoftmax: Double, margin: Double, entropy: Double) -> Confidence {
        switch self {
        case .maxSoftmax: Confidence(maxSoftmax)
        case .margin: Confidence(margin)
        case .entropy: Confidence(1 - entropy)
        }
    }
}
