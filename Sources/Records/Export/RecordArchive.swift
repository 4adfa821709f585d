internal import Cryptography
public import Ground
internal import Storage

/// A store's folder, read beside the node that writes it. One thread; calls block.
public final class RecordArchive {
    private let database: Database
    private let payloads: PayloadFolder

    /// - Throws: `notFound` when no store lies there; `precondition` for one of another version.
    public init(folder: String) throws(Fault) {
        let path = "\(folder)/records.sqlite"
        guard FileDisk().size(path) != nil else {
            throw Fault(
                .notFound, "there are no records in \(folder)",
                remedy: "give the `folder` that the topology has under `records:`, on its node")
        }
        database = try Database(path: path, access: .reading)
        payloads = PayloadFolder("\(folder)/payloads")
        try Schema.require(database)
    }

    /// A frame whose request is kept, and all answers about it, the best first.
    struct KeptFrame {
        var key: MergeKey
        var payload: Digest
        var answers: [RecordRow]
        /// What the node that the frame came to had answered itself, where the frame was answered
        /// above when it came: its record says the better answer.
        var below: Said?
    }

    /// Who said what.
    struct Said: Equatable {
        var label: String
        var confidence: Double?
        var tier: Tier?
        var node: String
        var bundle: Digest?
    }

    /// Gives every kept frame, in the order of their keys, which is the same in every store.
    func eachFrame(_ body: (KeptFrame) throws(Fault) -> Void) throws(Fault) {
        var after: [UInt8] = []
        while true {
            let page = try database.rows(
                """
                SELECT f.merge, f.digest, l.label, l.confidence, l.node, l.bundle FROM frames f
                LEFT JOIN live l ON l.merge = f.merge WHERE f.merge > ? ORDER BY f.merge
                """, [.blob(after)], limit: 256
            ) { (merge: $0.blob(0), digest: $0.blob(1), below: Said(row: $0)) }
            guard let last = page.last else { return }
            for frame in page {
                guard let key = MergeKey(bytes: frame.merge),
                    let payload = Digest(bytes: frame.digest)
                else { continue }
                let rows = try database.rows(
                    RecordColumns.select + "WHERE r.merge = ?", [.blob(frame.merge)], limit: .max,
                    RecordColumns.read
                ).compactMap(\.self)
                try body(
                    KeptFrame(
                        key: key, payload: payload,
                        answers: rows.sorted { $0.standing > $1.standing }, below: frame.below))
            }
            after = last.merge
        }
    }

    func payload(_ digest: Digest) throws(Fault) -> [UInt8] { try payloads.get(digest) }
}

extension RecordArchive.Said {
    /// Of the columns label, confidence, node and bundle from the third on; `nil` when nothing was
    /// said.
    fileprivate init?(row: Row) {
        if row.isNull(2) { return nil }
        self.init(
            label: row.text(2), confidence: row.isNull(3) ? nil : row.real(3), tier: .leaf,
            node: row.text(4), bundle: Digest(bytes: row.blob(5)))
    }

    init(_ answer: Answer) {
        self.init(
            label: answer.label, confidence: answer.confidence, tier: answer.tier,
            node: answer.node, bundle: answer.bundle)
    }
}
