public import Ground
internal import Storage

/// Why a record says what it says.
public struct Explanation: Equatable, Sendable {
    public var key: MergeKey
    /// The best first.
    public var answers: [RecordRow]
    /// A line each, for people.
    public var lines: [String]
}

extension RecordStore {
    /// Which answers came about one frame, which of them won, and by what rule.
    ///
    /// - Parameter id: a record's id, or the first of its digits.
    public func explain(record id: String) throws(Fault) -> Explanation {
        let answers = try answers(record: id)
        guard let winner = answers.first else {
            throw Fault(
                .unavailable, "the rows of record \(id) are damaged: their seals are broken",
                remedy: "look at the disk that the store lies on")
        }
        var lines = [Self.frame(winner), "answered \(Self.words(winner))"]
        for (better, other) in zip(answers, answers.dropFirst()) {
            lines.append("over \(Self.words(other))")
            lines.append("  because \(better.standing.reason(over: other.standing))")
        }
        if answers.count == 1 { lines.append("nobody else answered it") }
        if let truth = winner.truth {
            let verdict = truth == winner.answer.label ? "right" : "wrong"
            lines.append("the true label is “\(truth)”: the answer is \(verdict)")
        }
        if let payload = winner.payload { lines.append("its request is kept as \(payload)") }
        return Explanation(key: winner.key, answers: answers, lines: lines)
    }

    private static func frame(_ row: RecordRow) -> String {
        guard let frame = row.answer.frame else {
            return "a frame of task \(row.answer.task), known by its input's hash "
                + Hex.text(row.answer.input)
        }
        return "frame \(frame.sequence) of \(frame.stream), task \(row.answer.task)"
    }

    private static func words(_ row: RecordRow) -> String {
        let answer = row.answer
        var words = answer.label.isEmpty ? "without a label" : "“\(answer.label)”"
        if let confidence = answer.confidence {
            words += " at \((confidence * 1000).rounded() / 1000)"
        }
        words += " by \(answer.node) (\(answer.tier?.rawValue ?? "nobody"))"
        if !answer.degraded.isEmpty { words += ", degraded: \(answer.degraded)" }
        return words
            + ", sent by \(row.origin.node) as \(row.origin.queue.rawValue) \(row.sequence)"
    }
}
