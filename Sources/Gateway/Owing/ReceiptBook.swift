import Ground
import Storage

/// The receipts of frames that were owed: which are promised, and what was answered. On disk, so
/// that a client finds its answer after a restart too. Confined to the spool's thread.
///
/// It is an index of what the spool holds, not the truth about it: a damaged one is moved aside and
/// begins again, and an answer that it has lost is in the record all the same.
final class ReceiptBook {
    enum State: Sendable {
        case pending
        /// A serialized ModelInferResponse.
        case answered([UInt8])
        /// There is and will be no answer, and why.
        case lost(String)
    }

    /// Receipts that are kept: an hour's outage of a camera at 30 FPS that is unsure of all.
    static let mostReceipts = 108_000
    /// Bytes of answers that are kept, the oldest go first: 1 KiB for each.
    static let mostBytes = 108 << 20

    private let database: Database
    /// Rows, at most: counting reads the index, so it is done when this says that there are many.
    private var mostRows = 0
    /// What was wrong with the file that lay there.
    let loss: Fault?

    init(folder: String) throws(Fault) {
        try FileDisk().makeFolder(folder)
        let opened = try DatabaseFile.open("\(folder)/receipts.sqlite") {
            (database) throws(Fault) in
            try database.script(
                """
                CREATE TABLE IF NOT EXISTS receipts (
                    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL,
                    answer BLOB, lost TEXT);
                CREATE INDEX IF NOT EXISTS by_sequence ON receipts (sequence) WHERE answer IS NULL;
                PRAGMA synchronous = NORMAL;
                """)
        }
        database = opened.database
        mostRows = try opened.database.first("SELECT count(*) FROM receipts") { $0.int(0) } ?? 0
        loss = opened.loss
    }

    /// Notes receipts that were promised, with the sequences of their frames.
    func promise(_ receipts: [(id: String, sequence: UInt64)]) throws(Fault) {
        guard !receipts.isEmpty else { return }
        try database.transaction { () throws(Fault) in
            for receipt in receipts {
                try database.run(
                    "INSERT OR IGNORE INTO receipts (id, sequence) VALUES (?, ?)",
                    [.text(receipt.id), .bits(receipt.sequence)])
            }
            try prune(receipts.count)
        }
    }

    /// Writes answers down. Doing so again changes nothing.
    func settle(_ answers: [(id: String, sequence: UInt64, state: State)]) throws(Fault) {
        guard !answers.isEmpty else { return }
        try database.transaction { () throws(Fault) in
            for answer in answers {
                var (bytes, words) = (SQLValue.null, SQLValue.null)
                switch answer.state {
                case .pending: continue
                case .answered(let response): bytes = .blob(response)
                case .lost(let why): words = .text(why)
                }
                try database.run(
                    """
                    INSERT INTO receipts (id, sequence, answer, lost) VALUES (?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET answer = excluded.answer, lost = excluded.lost
                    """, [.text(answer.id), .bits(answer.sequence), bytes, words])
            }
            try prune(answers.count)
        }
    }

    /// Frames of these sequences were dropped: their receipts will have no answer.
    func lose(_ range: ClosedRange<UInt64>, _ why: String) throws(Fault) {
        try database.run(
            """
            UPDATE receipts SET lost = ?
            WHERE sequence BETWEEN ? AND ? AND answer IS NULL AND lost IS NULL
            """, [.text(why), .bits(range.lowerBound), .bits(range.upperBound)])
    }

    /// What a receipt stands for; `nil` when there is none of that name.
    func state(of id: String) -> State? {
        try? database.first(
            "SELECT answer, lost FROM receipts WHERE id = ?", [.text(id)]
        ) { row -> State in
            if !row.isNull(0) { return State.answered(row.blob(0)) }
            return row.isNull(1) ? .pending : .lost(row.text(1))
        }
    }

    /// Gives the oldest quarter up when there are too many, after `new` more.
    private func prune(_ new: Int) throws(Fault) {
        mostRows += new
        let isHeavy = try database.size() > Self.mostBytes
        guard mostRows > Self.mostReceipts || isHeavy else { return }
        let count = try database.first("SELECT count(*) FROM receipts") { $0.int(0) } ?? 0
        mostRows = count
        guard count > Self.mostReceipts || isHeavy else { return }
        try database.run(
            """
            DELETE FROM receipts WHERE number IN
                (SELECT number FROM receipts ORDER BY number LIMIT ?)
            """, [.int(max(count / 4, 1))])
        if isHeavy { try database.shrink(pages: 4_096) }
    }

    func close() { database.close() }
}
