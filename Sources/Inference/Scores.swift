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

    init(_ distribution: Distribution) {
        var first = 0.0
        var second = 0.0
        for p in distribution.probabilities {
            if p > first {
                second = first
                first = p
            } else if p > second {
                second = p
            }
        }
        let count = distribution.probabilities.count
        let entropy = count > 1 ? 1 - distribution.disorder / log(Double(count)) : 1
        self.init(
            maxSoftmax: min(first, 1), margin: count > 1 ? min(first - second, 1) : 1,
            entropy: max(0, min(1, entropy)))
    }
}

/// What a model gave, one probability a class.
struct Distribution {
    /// They sum to 1.
    let probabilities: [Double]
    /// Their entropy H, in nats.
    let disorder: Double

    /// The softmax of `logits` divided by `temperature`; `nil` when they hold NaN or +∞, or nothing
    /// finite.
    init?(softmax logits: [Float], temperature: Double) {
        var largest = -Float.infinity
        for logit in logits {
            guard !logit.isNaN, logit != .infinity else { return nil }
            largest = max(largest, logit)
        }
        guard largest > -.infinity else { return nil }
        var sum = 0.0
        var distances = 0.0
        var powers = logits.map { logit in
            let distance = (Double(logit) - Double(largest)) / temperature
            let power = exp(distance)
            sum += power
            // At −∞ the power is 0, and there is no product.
            if power > 0 { distances += power * distance }
            return power
        }
        for index in powers.indices { powers[index] /= sum }
        probabilities = powers
        // −Σ p ln p with ln p = distance − ln sum: one logarithm for all classes.
        disorder = log(sum) - distances / sum
    }

    /// `values` as they are; `nil` when one is negative or not finite, or their sum is off 1 by
    /// more than `tolerance`.
    init?(probabilities values: [Float]) {
        var sum = 0.0
        for value in values {
            guard value.isFinite, value >= 0 else { return nil }
            sum += Double(value)
        }
        guard abs(sum - 1) <= Self.tolerance else { return nil }
        probabilities = values.map { Double($0) / sum }
        disorder = probabilities.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
    }

    /// A softmax quantized to 8 bits is off by half a step of 1/256 per class: 5 % covers the
    /// classes that are not near zero, and is far from what a model without a softmax gives.
    private static let tolerance = 0.05
}
