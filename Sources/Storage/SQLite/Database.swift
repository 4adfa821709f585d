internal import CSQLite
public import Ground

/// One connection to one SQLite database, in WAL mode: what a transaction has committed is on the
/// disk.
///
/// Calls block: never call it on a loop. One thread at a time uses it; whoever shares it puts a
/// lock around it. Every fault names the file; `corrupt` says that its bytes are not a sound
/// database.
public final class Database {
    /// How a connection uses its file.
    public enum Access: Sendable {
        /// Reads and writes; makes the file where there is none.
        case writing
        /// Reads what writers have committed.
        case reading
    }

    /// How long a statement waits for another connection's transaction. Those of this house take
    /// milliseconds; past this, somebody else holds the file.
    public static let patience = Interval.seconds(5)
    /// Statements that are kept prepared. A room has some dozens of them; past this, somebody makes
    /// their text from values.
    static let preparedLimit = 256
    /// Bytes that the log keeps on disk between checkpoints.
    static let logBytes = 64 << 20

    public let path: String
    private let handle: OpaquePointer
    private var prepared: [String: Statement] = [:]
    private var isInTransaction = false
    private var isOpen = true

    /// Opens the database at `path`.
    public init(path: String, access: Access = .writing) throws(Fault) {
        let flags =
            switch access {
            case .writing: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .reading: SQLITE_OPEN_READONLY
            }
        var opened: OpaquePointer?
        let result = sqlite3_open_v2(
            path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard result == SQLITE_OK, let opened else {
            let fault = SQLiteFault.make(result, "open the database", path, opened)
            sqlite3_close_v2(opened)
            throw fault
        }
        self.path = path
        handle = opened
        canopy_sqlite_be_defensive(handle)
        sqlite3_busy_timeout(handle, Int32(Self.patience.milliseconds))
        try settle(access)
    }

    deinit { close() }

    /// Lets go of the file; any other call afterwards is refused. Doing so again changes nothing.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        for statement in prepared.values { statement.finalize() }
        prepared = [:]
        sqlite3_close_v2(handle)
    }

    /// What every connection says first. Each line reads the file, so damage of its head shows
    /// here.
    private func settle(_ access: Access) throws(Fault) {
        // Overlong cells are looked for when a page is read: more of what is damaged is noticed.
        try run("PRAGMA cell_size_check = ON")
        if access == .writing {
            // Of a new file only: SQLite writes an old one's head for it each time.
            if try first("PRAGMA page_count", [], { $0.integer(0) }) == 0 {
                try run("PRAGMA auto_vacuum = INCREMENTAL")
            }
            try run("PRAGMA journal_mode = WAL")
            // A commit returns when its log is on the disk: what is acknowledged survives a power
            // cut.
            try run("PRAGMA synchronous = FULL")
            try run("PRAGMA journal_size_limit = \(Self.logBytes)")
        }
        try run("PRAGMA temp_store = MEMORY")
    }

    // MARK: Statements

    /// Runs one statement for its effect; rows that it gives are skipped.
    public func run(_ text: String, _ values: [SQLValue] = []) throws(Fault) {
        let statement = try prepare(text)
        defer { statement.reset() }
        try statement.bind(values)
        while try statement.step() {}
    }

    /// Gives each row of a statement to `body`, until it answers `false`.
    public func each(
        _ text: String, _ values: [SQLValue] = [], _ body: (Row) throws(Fault) -> Bool
    ) throws(Fault) {
        let statement = try prepare(text)
        defer { statement.reset() }
        try statement.bind(values)
        while try statement.step() {
            guard try body(statement.row) else { return }
        }
    }

    /// What `read` makes of each row; at most `limit` of them.
    public func rows<Item>(
        _ text: String, _ values: [SQLValue] = [], limit: Int,
        _ read: (Row) throws(Fault) -> Item
    ) throws(Fault) -> [Item] {
        var items: [Item] = []
        guard limit > 0 else { return items }
        try each(text, values) { row throws(Fault) in
            items.append(try read(row))
            return items.count < limit
        }
        return items
    }

    /// What `read` makes of the first row, or `nil` when there is none.
    public func first<Item>(
        _ text: String, _ values: [SQLValue] = [], _ read: (Row) throws(Fault) -> Item
    ) throws(Fault) -> Item? {
        try rows(text, values, limit: 1, read).first
    }

    /// Runs several statements without values: a schema.
    public func script(_ text: String) throws(Fault) {
        let result = sqlite3_exec(handle, text, nil, nil, nil)
        guard result == SQLITE_OK else { throw fault(result, "run a script") }
    }

    /// Rows that the last statement has changed.
    public var changes: Int { Int(sqlite3_changes64(handle)) }

    /// The row that the last insertion has made.
    public var lastRow: Int64 { sqlite3_last_insert_rowid(handle) }

    private func prepare(_ text: String) throws(Fault) -> Statement {
        guard isOpen else { throw Fault(.precondition, "the database \(path) is closed") }
        // One that is in use, by a query inside its own rows, is no other's to take.
        if let known = prepared[text], !known.isBusy { return known }
        let statement = try Statement(text, handle, path)
        if prepared[text] == nil, prepared.count < Self.preparedLimit { prepared[text] = statement }
        return statement
    }

    // MARK: Transactions

    /// Runs `body` in one transaction: all of it is on the disk on return, or none of it when it
    /// throws. Inside another one it is part of that.
    public func transaction<Result>(
        _ body: () throws(Fault) -> Result
    ) throws(Fault) -> Result {
        if isInTransaction { return try body() }
        try run("BEGIN IMMEDIATE")
        isInTransaction = true
        defer { isInTransaction = false }
        do throws(Fault) {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            // SQLite may have rolled back by itself, on a full disk for one.
            if sqlite3_get_autocommit(handle) == 0 { try? run("ROLLBACK") }
            throw error
        }
    }

    // MARK: Health

    /// Reads every page and checks how they hang together; throws `corrupt` with the first words of
    /// what is wrong. Takes a second for some hundred megabytes.
    public func check() throws(Fault) {
        let words = try rows("PRAGMA quick_check(3)", limit: 3) { $0.text(0) }
        guard words == ["ok"] else {
            throw Fault(
                .corrupt, "the database \(path) is damaged: \(words.joined(separator: ", "))",
                remedy: "look at the disk that it lies on")
        }
    }

    /// Gives up to `pages` free pages back to the disk.
    public func shrink(pages: Int) throws(Fault) { try run("PRAGMA incremental_vacuum(\(pages))") }

    /// Bytes of the database that hold something, its log not counted.
    public func size() throws(Fault) -> Int {
        func number(_ pragma: String) throws(Fault) -> Int {
            try first("PRAGMA \(pragma)") { Int($0.integer(0)) } ?? 0
        }
        return try (number("page_count") - number("freelist_count")) * number("page_size")
    }

    private func fault(_ result: Int32, _ tried: String) -> Fault {
        SQLiteFault.make(result, tried, path, handle)
    }
}
