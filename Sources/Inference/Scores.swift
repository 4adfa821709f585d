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

    /// - Parameters:
    ///   - first: p₁.
    ///   - second: p₂; `nil` where there is one class.
    ///   - disorder: H, in nats.
    init(first: Double, second: Double?, disorder: Double, classes: Int) {
        let entropy = classes > 1 ? 1 - disorder / log(Double(classes)) : 1
        self.init(
            maxSoftmax: min(first, 1), margin: second.map { min(first - $0, 1) } ?? 1,
            entropy: max(0, min(1, entropy)))
    }
}

/// How what a model gave, one value a class, becomes probabilities that sum to 1. Of a thousand
/// classes an answer lists a few: only theirs are worked out and kept.
struct Distribution {
    private enum Rule {
        /// The value is a logit.
        case softmax(largest: Double, temperature: Double)
        /// The value is a probability, but for rounding.
        case share
    }

    private let rule: Rule
    private let sum: Double
    /// Their entropy H, in nats.
    let disorder: Double

    /// The softmax of `logits` divided by `temperature`; `nil` when `largest`, the largest of them,
    /// is not finite. None is NaN.
    init?(softmax logits: [Float], largest: Float, temperature: Double) {
        guard largest.isFinite else { return nil }
        let largest = Double(largest)
        var sum = 0.0
        var distances = 0.0
        for logit in logits {
            // At −∞ there would be no product; its power is 0 long before.
            let distance = max((Double(logit) - largest) / temperature, Self.farthest)
            let power = exp(distance)
            sum += power
            distances += power * distance
        }
        rule = .softmax(largest: largest, temperature: temperature)
        self.sum = sum
        // −Σ p ln p with ln p = distance − ln sum: one logarithm for all classes.
        disorder = log(sum) - distances / sum
    }

    /// `values` as they are; `nil` when one is negative, or their sum is off 1 by more than
    /// `tolerance`. None is NaN or infinite.
    init?(probabilities values: [Float]) {
        var sum = 0.0
        for value in values {
            guard value >= 0 else { return nil }
            sum += Double(value)
        }
        guard abs(sum - 1) <= Self.tolerance else { return nil }
        rule = .share
        self.sum = sum
        disorder = values.reduce(0) { disorder, value in
            let p = Double(value) / sum
            return p > 0 ? disorder - p * log(p) : disorder
        }
    }

    /// The probability of the class that the model gave `value`.
    func probability(of value: Float) -> Double {
        switch rule {
        case .softmax(let largest, let temperature):
            exp((Double(value) - largest) / temperature) / sum
        case .share: Double(value) / sum
        }
    }

    /// A power of so much is 0, also as a denormal number.
    private static let farthest = -1000.0
    /// A softmax quantized to 8 bits is off by half a step of 1/256 per class: 5 % covers the
    /// classes that are not near zero, and is far from what a model without a softmax gives.
    private static let tolerance = 0.05
}
