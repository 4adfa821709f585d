internal import Cryptography
internal import Ground

/// A frame to learn from: what the leaf said, and what it should have said.
struct TrainingSample {
    /// Of the frame's inputs and its task: the same picture twice is one sample.
    let content: Digest
    let key: MergeKey
    let payload: Digest
    let task: String
    /// The true label where there is one, else that of the best answer from above the leaf.
    let label: String
    let isTrue: Bool
    /// The leaf's best answer; `nil` when it is not here.
    let leaf: RecordArchive.Said?
    /// The best answer from above; `nil` when a true label stands alone.
    let above: RecordRow?
    /// What its camera called it.
    let frame: FrameName?
    /// Of all its files.
    let bytes: Int

    /// `nil` when nobody above the leaf answered and nobody gave a label: there is nothing to
    /// learn.
    init?(_ frame: RecordArchive.KeptFrame, _ parts: [FramePart]) {
        let answers = frame.answers
        let leafRow = answers.first { $0.answer.tier == .leaf }
        leaf = leafRow.map { RecordArchive.Said($0.answer) } ?? frame.below
        above = answers.first { row in
            row.answer.tier.map { $0 > .leaf } ?? false && !row.answer.label.isEmpty
        }
        let truth = answers.first?.truth
        guard let task = answers.first?.answer.task, let label = truth ?? above?.answer.label,
            !parts.isEmpty
        else { return nil }
        self.task = task
        self.label = label
        isTrue = truth != nil
        key = frame.key
        payload = frame.payload
        content = Self.digest(task, parts)
        bytes = parts.reduce(0) { $0 + $1.bytes.count }
        self.frame = (leafRow ?? above)?.answer.frame
    }

    private static func digest(_ task: String, _ parts: [FramePart]) -> Digest {
        let hash = StreamingHash()
        func add(_ bytes: [UInt8]) {
            withUnsafeBytes(of: UInt64(bytes.count).bigEndian) { hash.update($0) }
            bytes.withUnsafeBytes { hash.update($0) }
        }
        add(Array(task.utf8))
        for part in parts {
            add(Array(part.name.utf8))
            add(JSON.object(part.about).canonical)
            add(part.bytes)
        }
        return hash.finish()
    }

    /// The name of its files: 32 hexadecimal digits.
    var name: String { String(content.hex.prefix(32)) }

    /// Whether this one stands for both, of two with the same content: a true label counts more
    /// than an answer, and the better answer more than the other.
    func outranks(_ other: TrainingSample) -> Bool {
        if isTrue != other.isTrue { return isTrue }
        if let above, let rival = other.above { return above.standing > rival.standing }
        if (above == nil) != (other.above == nil) { return above != nil }
        return key < other.key
    }

    /// Whether it is taken before `other` when there is no room for both: first where the leaf was
    /// wrong, then where it was least sure.
    func teachesMore(than other: TrainingSample) -> Bool {
        let (wrong, otherWrong) = (isMistake, other.isMistake)
        if wrong != otherWrong { return wrong }
        let (sure, otherSure) = (sureness, other.sureness)
        return sure != otherSure ? sure < otherSure : content < other.content
    }

    private var isMistake: Bool { leaf.map { $0.label != label } ?? false }
    private var sureness: Double { leaf?.confidence ?? 1 }

    /// What is known of it, as its JSON file says it.
    func about(_ parts: [FramePart]) -> JSON {
        var members: [String: JSON] = [
            "record": .string(key.description), "task": .string(task), "label": .string(label),
            "label_from": .string(isTrue ? "truth" : "answer"),
            "leaf": Self.about(leaf),
            "above": Self.about(above.map { RecordArchive.Said($0.answer) }),
            "content": .string(content.description),
        ]
        members["inputs"] = .array(
            parts.map { part in
                .object(part.about.merging(["name": .string(part.name)]) { mine, _ in mine })
            })
        if let frame {
            members["stream"] = .string(frame.stream)
            members["sequence"] = .integer(Int(clamping: frame.sequence))
        }
        return .object(members)
    }

    private static func about(_ answer: RecordArchive.Said?) -> JSON {
        guard let answer else { return .null }
        return .object([
            "label": .string(answer.label), "confidence": answer.confidence.map(JSON.real) ?? .null,
            "tier": .string(answer.tier?.rawValue ?? ""), "node": .string(answer.node),
            "bundle": answer.bundle.map { .string($0.description) } ?? .null,
        ])
    }
}
