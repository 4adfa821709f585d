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
        // The margin is between two, though one may be listed.
        guard let surest = surest(max(listed, 2), of: values), let first = surest.first,
            let distribution = distribution(values, largest: values[first])
        else { return (.malformed, []) }
        let probabilities = surest.map { distribution.probability(of: values[$0]) }
        let scores = Scores(
            first: probabilities[0], second: probabilities.count > 1 ? probabilities[1] : nil,
            disorder: distribution.disorder, classes: values.count)
        let classes = zip(surest, probabilities).prefix(listed).map { index, probability in
            ClassScore(index: index, label: labels[index], probability: probability)
        }
        return (scores, classes)
    }

    private func distribution(_ values: [Float], largest: Float) -> Distribution? {
        switch activation {
        case .softmax: Distribution(softmax: values, largest: largest, temperature: temperature)
        case .none: Distribution(probabilities: values)
        }
    }

    /// The indices of the largest values, largest first; `nil` when there is NaN or +∞. More
    /// probable is what has the larger value, whatever the activation.
    private func surest(_ count: Int, of values: [Float]) -> [Int]? {
        var best: [Int] = []
        best.reserveCapacity(count + 1)
        var least = -Float.infinity
        for index in values.indices {
            let value = values[index]
            // Few are listed: insertion into a short sorted list beats sorting a thousand classes.
            if value <= least, best.count == count { continue }
            guard value < .infinity else { return nil }
            let place = best.firstIndex { values[$0] < value } ?? best.count
            best.insert(index, at: place)
            if best.count > count { best.removeLast() }
            least = values[best[best.count - 1]]
        }
        return best
    }
}
