import Ground
import Inference
import Routing
import Wire

extension TaskRuntime {
    /// The best score among the labels that the task alerts of; `nil` without any.
    func alertScore(of outcome: InferenceResult) -> Confidence? {
        guard !alertLabels.isEmpty else { return nil }
        let scores = outcome.classes.filter { alertLabels.contains($0.label) }.map(\.probability)
        return scores.max().map(Confidence.init)
    }

    /// The same of a peer's answer: its labels and their probabilities.
    func alertScore(of response: InferResponse) -> Confidence? {
        guard !alertLabels.isEmpty,
            let labels = response.outputs.first(where: { $0.name == "label" })?.elements,
            let probabilities = response.outputs.first(where: { $0.name == "probability" }),
            probabilities.datatype == .fp32, probabilities.contents.count == labels.count * 4
        else { return nil }
        var best: Double?
        for (index, label) in labels.enumerated()
        where alertLabels.contains(where: { Array($0.utf8) == label.array }) {
            let score = Double(probabilities.contents.float(at: index))
            best = max(best ?? score, score)
        }
        return best.map(Confidence.init)
    }
}

extension Bytes {
    /// The little-endian number at an index of four bytes each.
    fileprivate func float(at index: Int) -> Float {
        let word = withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
        }
        return Float(bitPattern: UInt32(littleEndian: word))
    }
}
