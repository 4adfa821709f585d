package import Ground

/// What is done to a model's outputs: the value of a bundle's `postprocessing.json`.
public enum Postprocessing: Sendable, Equatable {
    case classification(Classification)
    /// Tensors as they are; there is no score.
    case raw

    public struct Classification: Sendable, Equatable {
        public enum Activation: String, Sendable, CaseIterable {
            /// The output holds logits: probabilities are their softmax after the temperature.
            case softmax
            /// The output holds probabilities already; the temperature must be 1.
            case none
        }

        /// The name of the model's output.
        public var output: String
        public var activation: Activation
        /// How many classes an answer lists at most.
        public var top: Int
    }

    static let fileName = "postprocessing.json"
    /// Classes that an answer lists; more is no answer to a person, and costs bytes on every link.
    private static let topLimit = 100

    private enum Kind: String, CaseIterable { case classification, raw }

    package init(file bytes: [UInt8]) throws(Fault) {
        var members = try JSONMembers(file: Self.fileName, bytes: bytes)
        switch try members.choice("kind", of: Kind.self) {
        case .raw: self = .raw
        case .classification:
            self = .classification(
                Classification(
                    output: try members.string("output"),
                    activation: try members.choice(
                        "activation", of: Classification.Activation.self),
                    top: try members.integer("top", in: 1...Self.topLimit)))
        }
        try members.end()
    }
}

/// Makes a classification's answer of the values that the model gave.
struct Classifier: Sendable {
    let activation: Postprocessing.Classification.Activation
    let top: Int
    let temperature: Double
    let labels: [String]

    /// Classes that an answer lists.
    var listed: Int { min(top, labels.count) }

    /// Scores, and the surest classes, surest first; among equals the lower index. `values` has one
    /// per label.
    func classify(_ values: [Float]) -> (scores: Scores, classes: [ClassScore]) {
        let distribution =
            switch activation {
            case .softmax: Distribution(softmax: values, temperature: temperature)
            case .none: Distribution(probabilities: values)
            }
        guard let distribution else { return (.malformed, []) }
        return (Scores(distribution), surest(distribution.probabilities))
    }

    private func surest(_ probabilities: [Double]) -> [ClassScore] {
        var best: [Int] = []
        for index in probabilities.indices {
            // Few are listed: insertion into a short sorted list beats sorting a thousand classes.
            if best.count == listed, probabilities[index] <= probabilities[best[listed - 1]] {
                continue
            }
            let place = best.firstIndex { probabilities[$0] < probabilities[index] } ?? best.count
            best.insert(index, at: place)
            if best.count > listed { best.removeLast() }
        }
        return best.map {
            ClassScore(index: $0, label: labels[$0], probability: probabilities[$0])
        }
    }
}
