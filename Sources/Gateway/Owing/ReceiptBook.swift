import Ground
import Storage
import Wire

/// The receipts of frames that were owed: which are promised, and what was answered. On disk, so
/// that a client finds its answer after a restart too. Confined to the spool's thread.
///
/// It is an index of what the spool holds, not the truth about it: a damaged one is moved aside and
/// begins again, whenever that is seen, and keeps nobody from owing or draining. An answer that it
/// has lost is in the record all the same.
final class ReceiptBook {
    enum State: Sendable {
        case pending
        /// A serialized ModelInferResponse.
        case answered([UInt8])
        /// There is and will be no answer, and why.
        case lost(String)
    }

    /// What a client was promised.
    struct Promise: Sendable {
        var id: String
        var task: String
        /// The `id` of the client's request.
        var request: String
        var at: WallTime
    }

    /// Receipts that are kept: an hour's outage of a camera at 30 FPS that is unsure of all.
    static let mostReceipts = 108_000
    /// Bytes of answers that are kept, the oldest go first: 1 KiB for each.
    static let mostBytes = 108 << 20

    private var database: Database
    /// Moved aside, and no other made yet: the disk was full.
    private var isAside = false
    /// Rows, at most: counting reads the index, so it is done when this says that there are many.
    private var mostRows = 0
    private let say: (Fault) -> Void

    /// - Parameter say: hears of damage and where the damaged file lies.
    init(folder: String, say: @escaping (Fault) -> Void) throws(Fault) {
        try FileDisk().makeFolder(folder)
        self.say = say
        let opened = try Self.open("\(folder)/receipts.sqlite")
        database = opened.database
        mostRows = try opened.database.first("SELECT count(*) FROM receipts") { $0.int(0) } ?? 0
        if let loss = opened.loss { say(loss) }
    }

    private static func open(_ path: String) throws(Fault) -> DatabaseFile.Opened {
        try DatabaseFile.open(path) { (database) throws(Fault) in
            try database.script(
                """
                CREATE TABLE IF NOT EXISTS receipts (
                    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL,
                    answer BLOB, lost TEXT);
                CREATE INDEX IF NOT EXISTS by_sequence ON receipts (sequence) WHERE answer IS NULL;
                PRAGMA synchronous = NORMAL;
                """)
            try extend(database)
        }
    }

    /// Runs `body`. When it meets damage, the book begins again and `body` runs once more.
    private func mending<Result>(_ body: () throws(Fault) -> Result) throws(Fault) -> Result {
        do throws(Fault) {
            if isAside { try beginAgain() }
            return try body()
        } catch  where error.code == .corrupt {
            database.close()
            say(try DatabaseFile.moveAside(database.path, because: error))
            isAside = true
            try beginAgain()
            return try body()
        }
    }

    private func beginAgain() throws(Fault) {
        database = try Self.open(database.path).database
        mostRows = 0
        isAside = false
    }

    /// Brings the table of an earlier version up to date.
    private static func extend(_ database: Database) throws(Fault) {
        guard try database.first("PRAGMA user_version", [], { $0.int(0) }) == 0 else { return }
        try database.transaction { () throws(Fault) in
            try database.script(
                """
                ALTER TABLE receipts ADD COLUMN task TEXT NOT NULL DEFAULT '';
                ALTER TABLE receipts ADD COLUMN request TEXT NOT NULL DEFAULT '';
                ALTER TABLE receipts ADD COLUMN promised INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE receipts ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
                PRAGMA user_version = 1;
                """)
        }
    }

    /// Runs `body` as one transaction.
    private func changing(_ body: () throws(Fault) -> Void) throws(Fault) {
        try mending { () throws(Fault) in try database.transaction(body) }
    }

    /// Notes receipts that were promised, with the sequences of their frames.
    func promise(_ receipts: [(promise: Promise, sequence: UInt64)]) throws(Fault) {
        guard !receipts.isEmpty else { return }
        try changing { () throws(Fault) in
            for receipt in receipts {
                let promise = receipt.promise
                try database.run(
                    """
                    INSERT OR IGNORE INTO receipts (id, sequence, task, request, promised)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                    [
                        .text(promise.id), .bits(receipt.sequence), .text(promise.task),
                        .text(promise.request), .integer(promise.at.nanoseconds),
                    ])
            }
            try prune(receipts.count)
        }
    }

    /// Writes answers down. Doing so again changes nothing, and none is taken back.
    func settle(
        _ answers: [(id: String, sequence: UInt64, state: State)], at time: WallTime
    ) throws(Fault) {
        guard !answers.isEmpty else { return }
        try changing { () throws(Fault) in
            for answer in answers {
                var (bytes, words) = (SQLValue.null, SQLValue.null)
                switch answer.state {
                case .pending: continue
                case .answered(let response): bytes = .blob(response)
                case .lost(let why): words = .text(why)
                }
                try database.run(
                    """
                    INSERT INTO receipts (id, sequence, answer, lost, ended) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET answer = excluded.answer, lost = excluded.lost,
                    ended = excluded.ended WHERE excluded.answer IS NOT NULL OR answer IS NULL
                    """,
                    [
                        .text(answer.id), .bits(answer.sequence), bytes, words,
                        .integer(time.nanoseconds),
                    ])
            }
            try prune(answers.count)
        }
    }

    /// Frames of these sequences were dropped: their receipts will have no answer.
    func lose(
        _ range: ClosedRange<UInt64>, _ why: String, at time: WallTime
    ) throws(Fault) {
        try changing { () throws(Fault) in
            try database.run(
                """
                UPDATE receipts SET lost = ?, ended = ?
                WHERE sequence BETWEEN ? AND ? AND answer IS NULL AND lost IS NULL
                """,
                [
                    .text(why), .integer(time.nanoseconds), .bits(range.lowerBound),
                    .bits(range.upperBound),
                ])
        }
    }

    /// What a receipt stands for; `nil` when there is none of that name.
    func state(of id: String) -> State? {
        try? mending { () throws(Fault) in
            try database.first(
                "SELECT answer, lost FROM receipts WHERE id = ?", [.text(id)]
            ) { row -> State in
                if !row.isNull(0) { return State.answered(row.blob(0)) }
                return row.isNull(1) ? .pending : .lost(row.text(1))
            }
        }
    }

    /// Receipts of a page when nobody says how many, and the most: an answer of a megabyte at most.
    static let pageSize = 100
    static let largestPage = 1_000

    /// The receipts that `query` asks for, newest first, and how many there are in each state.
    func page(_ query: ReceiptsQuery) throws(Fault) -> ReceiptsPage {
        try mending { () throws(Fault) in try find(query) }
    }

    private func find(_ query: ReceiptsQuery) throws(Fault) -> ReceiptsPage {
        var page = ReceiptsPage()
        try count(&page)
        let limit = query.limit == 0 ? Self.pageSize : min(query.limit, Self.largestPage)
        var condition = "number < ?"
        var values = [SQLValue.bits(query.before == 0 ? UInt64(Int64.max) : query.before)]
        if !query.receipt.isEmpty {
            condition += " AND id = ?"
            values.append(.text(query.receipt))
        }
        switch query.state {
        case .open: condition += " AND answer IS NULL AND lost IS NULL"
        case .failed: condition += " AND answer IS NULL AND lost IS NOT NULL"
        case .settled: condition += " AND answer IS NOT NULL"
        case nil: break
        }
        let rows = try database.rows(
            """
            SELECT id, task, request, promised, ended, answer, lost, number FROM receipts
            WHERE \(condition) ORDER BY number DESC LIMIT \(limit + 1)
            """, values, limit: limit + 1
        ) { (status: ReceiptStatus(row: $0), number: $0.bits(7)) }
        page.receipts = rows.prefix(limit).map(\.status)
        if rows.count > limit { page.next = rows[limit - 1].number }
        return page
    }

    private func count(_ page: inout ReceiptsPage) throws(Fault) {
        func count(_ condition: String) throws(Fault) -> Int {
            let sql = "SELECT count(*) FROM receipts \(condition)"
            return try database.first(sql, [], { $0.int(0) }) ?? 0
        }
        // Those without an answer have an index of their own; answers are large and not looked at.
        page.open = try count("WHERE answer IS NULL AND lost IS NULL")
        page.failed = try count("WHERE answer IS NULL AND lost IS NOT NULL")
        page.settled = try count("") - page.open - page.failed
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

extension ReceiptStatus {
    /// Of the columns id, task, request, promised, ended, answer and lost.
    fileprivate init(row: Row) {
        self.init()
        receipt = row.text(0)
        task = row.text(1)
        request = row.text(2)
        promisedAt = row.integer(3) == 0 ? nil : WallTime(nanoseconds: row.integer(3))
        endedAt = row.integer(4) == 0 ? nil : WallTime(nanoseconds: row.integer(4))
        if !row.isNull(5) {
            state = .settled
            guard let response = try? InferResponse.decode(Bytes(row.blob(5))) else {
                error = "the answer cannot be read"
                return
            }
            label = response.bestLabel ?? ""
            tier = response.parameters.string("canopy.tier") ?? ""
            answeredBy = response.parameters.string("canopy.node") ?? ""
            confidence = response.parameters.number("canopy.confidence")
        } else if !row.isNull(6) {
            state = .failed
            error = row.text(6)
        }
    }
}
