package import Ground

/// The value of a bundle's `calibration.json`: what makes scores mean something.
public struct Calibration: Sendable, Equatable {
    /// What logits are divided by; above 0.
    public var temperature: Double
    /// The data that the temperature was fitted on.
    public var fittedOn: String
    /// The data that the scores come from, which the temperature never saw.
    public var source: String
    /// One entry per calibration item, after the temperature: see `Scores`.
    public var maxSoftmax: [Double]
    public var margin: [Double]
    public var entropy: [Double]
    /// Whether the model was right on that item.
    public var correct: [Bool]

    static let fileName = "calibration.json"

    package init(file bytes: [UInt8]) throws(Fault) {
        var members = try JSONMembers(file: Self.fileName, bytes: bytes)
        temperature = try members.number("temperature", "a number above 0") { $0 > 0 }
        fittedOn = try members.string("fitted_on")
        var scores = try members.object("scores")
        source = try scores.string("source")
        maxSoftmax = try scores.numbers("max_softmax")
        margin = try scores.numbers("margin")
        entropy = try scores.numbers("entropy")
        correct = try scores.integers("correct", in: 0...1).map { $0 == 1 }
        try scores.end()
        try members.end()
        try check()
    }

    private func check() throws(Fault) {
        let columns = [("max_softmax", maxSoftmax), ("margin", margin), ("entropy", entropy)]
        for (name, values) in columns {
            guard values.count == correct.count else {
                throw JSONMembers.fault(
                    "\(Self.fileName) scores \"\(name)\"", "\(values.count) numbers",
                    "as many as \"correct\" has (\(correct.count))")
            }
            guard values.allSatisfy({ (0...1).contains($0) }) else {
                throw JSONMembers.fault(
                    "\(Self.fileName) scores \"\(name)\"", "a number outside 0…1", "a score")
            }
        }
    }
}
