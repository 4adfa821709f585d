import Ground
import Inference
import Routing
import Wire

/// An alerting label in an answer, and how sure the answer is of it.
struct AlertScore: Sendable, Equatable {
    var label: String
    /// Calibrated, 0…1.
    var probability: Double

    var confidence: Confidence { Confidence(probability) }
}

extension TaskRuntime {
    /// The best score among the labels that the task alerts of; `nil` without any.
    func alertScore(of outcome: InferenceResult) -> AlertScore? {
        guard !alertLabels.isEmpty else { return nil }
        var best: AlertScore?
        for one in outcome.classes
        where alertLabels.contains(one.label) && one.probability > best?.probability ?? -1 {
            best = AlertScore(label: one.label, probability: one.probability)
        }
        return best
    }

    /// The same of a peer's answer: its labels and their probabilities.
    func alertScore(of response: InferResponse) -> AlertScore? {
        guard !alertLabels.isEmpty,
            let labels = response.outputs.first(where: { $0.name == "label" })?.elements,
            let probabilities = response.outputs.first(where: { $0.name == "probability" }),
            probabilities.datatype == .fp32, probabilities.contents.count == labels.count * 4
        else { return nil }
        var best: AlertScore?
        for (index, bytes) in labels.enumerated() {
            let label = String(decoding: bytes.array, as: UTF8.self)
            let score = Double(probabilities.contents.float(at: index))
            guard alertLabels.contains(label), score > best?.probability ?? -1 else { continue }
            best = AlertScore(label: label, probability: score)
        }
        return best
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
