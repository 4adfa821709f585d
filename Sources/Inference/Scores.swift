internal import Glibc

/// How sure a classification is, three ways. Larger is surer; each lies in 0…1.
///
/// With probabilities p₁ ≥ p₂ ≥ … over K classes. For K = 1 margin and entropy are 1: there is
/// nothing to confuse.
public struct Scores: Sendable, Equatable {
    /// p₁.
    public let maxSoftmax: Double
    /// p₁ − p₂.
    public let margin: Double
    /// 1 − H(p) / ln K, with H in nats; a zero probability adds nothing to H.
    public let entropy: Double
    /// `false` when the model gave something that is no distribution (NaN, +∞, a negative
    /// probability): the three numbers are then 0, so that no bar accepts the answer.
    public let isWellFormed: Bool

    public init(maxSoftmax: Double, margin: Double, entropy: Double, isWellFormed: Bool = true) {
        self.maxSoftmax = maxSoftmax
        self.margin = margin
        self.entropy = entropy
        self.isWellFormed = isWellFormed
    }

    /// What an answer that is no distribution gets.
    public static let malformed = Scores(maxSoftmax: 0, margin: 0, entropy: 0, isWellFormed: false)

    /// Scores of `probabilities`, which sum to 1.
    init(probabilities: [Double]) {
        var first = 0.0
        var second = 0.0
        var disorder = 0.0
        for p in probabilities {
            if p > first {
                second = first
                first = p
            } else if p > second {
                second = p
            }
            if p > 0 { disorder -= p * log(p) }
        }
        let count = probabilities.count
        let entropy = count > 1 ? 1 - disorder / log(Double(count)) : 1
        self.init(
            maxSoftmax: min(first, 1), margin: count > 1 ? min(first - second, 1) : 1,
            entropy: max(0, min(1, entropy)))
    }
}

/// Probabilities of `logits` divided by `temperature`; `nil` when they hold NaN or +∞, or nothing
/// finite.
func softmax(_ logits: [Float], temperature: Double) -> [Double]? {
    var largest = -Double.infinity
    for logit in logits {
        guard !logit.isNaN, logit != .infinity else { return nil }
        largest = max(largest, Double(logit))
    }
    guard largest > -.infinity else { return nil }
    var sum = 0.0
    var result = logits.map { logit in
        let power = exp((Double(logit) - largest) / temperature)
        sum += power
        return power
    }
    for index in result.indices { result[index] /= sum }
    return result
}

/// `values` as probabilities; `nil` when one is negative or not finite, or their sum is off 1 by
/// more than `distributionTolerance`.
func distribution(_ values: [Float]) -> [Double]? {
    var sum = 0.0
    for value in values {
        guard value.isFinite, value >= 0 else { return nil }
        sum += Double(value)
    }
    guard abs(sum - 1) <= distributionTolerance else { return nil }
    return values.map { Double($0) / sum }
}

/// A softmax quantized to 8 bits is off by half a step of 1/256 per class: 5 % covers the classes
/// that are not near zero, and is far from what a model without a softmax gives.
let distributionTolerance = 0.05
