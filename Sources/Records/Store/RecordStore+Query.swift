public import Ground
internal import Storage

extension RecordStore {
    /// The newest rows that `query` asks for, one page of them.
    public func query(_ query: RecordQuery) throws(Fault) -> RecordPage {
        guard RecordQuery.limitRange.contains(query.limit) else {
            throw Fault(
                .invalid, "a page of \(query.limit) records", source: .client,
                remedy: "ask for 1 to \(RecordQuery.limitRange.upperBound), and for the next page")
        }
        let clause = QueryClause(query)
        return try read { (database) throws(Fault) in
            var page = RecordPage(rows: [], next: nil, damaged: 0)
            var last: RecordQuery.Cursor?
            let sql =
                RecordColumns.select + clause.text + " ORDER BY r.at DESC, r.id DESC LIMIT ?"
            try database.each(sql, clause.values + [.int(query.limit + 1)]) { row in
                if page.rows.count + page.damaged == query.limit {
                    page.next = last
                    return false
                }
                last = RecordColumns.cursor(row)
                if let record = RecordColumns.read(row) {
                    page.rows.append(record)
                } else {
                    page.damaged += 1
                }
                return true
            }
            return page
        }
    }

    /// All answers about one frame, the best first; rows with a broken seal are left out.
    ///
    /// - Parameter id: a record's id, or the first of its digits.
    /// - Throws: `notFound`, or `invalid` when it is no id or several begin with it.
    public func answers(record id: String) throws(Fault) -> [RecordRow] {
        try read { (database) throws(Fault) in
            let key = try RecordSearch.key(id, database)
            let sql = RecordColumns.select + "WHERE r.merge = ?"
            let rows = try database.rows(sql, [.blob(key.bytes)], limit: .max, RecordColumns.read)
            return rows.compactMap(\.self).sorted { $0.standing > $1.standing }
        }
    }

    /// What came of telemetry, alerts or audit entries, oldest first.
    ///
    /// - Parameters:
    ///   - row: only those after this row.
    public func notes(
        _ queue: Queue, after row: Int64, limit: Int
    ) throws(Fault) -> [Note] {
        try read { (database) throws(Fault) in
            let sql = """
                SELECT n.sequence, n.queue, n.received, n.at, n.clock, n.body, n.seal, n.id,
                o.site, o.node, o.epoch FROM notes n JOIN origins o ON o.id = n.origin
                WHERE n.queue = ? AND n.id > ? ORDER BY n.id
                """
            let values: [SQLValue] = [.text(queue.rawValue), .integer(row)]
            return try database.rows(sql, values, limit: limit, Note.init(sealed:))
                .compactMap(\.self)
        }
    }

    /// What came of telemetry, alerts or audit entries, the newest first, each given to `body`
    /// until it says that it has enough.
    ///
    /// - Returns: how many are left out since their seal is broken: the disk has changed them.
    public func notes(
        _ query: NoteQuery, _ body: (Note) -> Bool
    ) throws(Fault) -> Int {
        try read { (database) throws(Fault) in
            var sql = """
                SELECT n.sequence, n.queue, n.received, n.at, n.clock, n.body, n.seal, n.id,
                o.site, o.node, o.epoch FROM notes n JOIN origins o ON o.id = n.origin
                WHERE n.queue = ?
                """
            var values: [SQLValue] = [.text(query.queue.rawValue)]
            func add(_ condition: String, _ more: SQLValue...) {
                sql += " AND " + condition
                values += more
            }
            if let from = query.from { add("n.at >= ?", .integer(from.nanoseconds)) }
            if let until = query.until { add("n.at < ?", .integer(until.nanoseconds)) }
            if !query.site.isEmpty { add("o.site = ?", .text(query.site)) }
            if !query.node.isEmpty { add("o.node = ?", .text(query.node)) }
            if let after = query.after {
                add("(n.at, n.id) < (?, ?)", .integer(after.at.nanoseconds), .integer(after.row))
            }
            var damaged = 0
            try database.each(sql + " ORDER BY n.at DESC, n.id DESC", values) { row in
                guard let note = Note(sealed: row) else {
                    damaged += 1
                    return true
                }
                return body(note)
            }
            return damaged
        }
    }

    /// A frame's request as it came.
    ///
    /// - Throws: `notFound` when it is not kept.
    public func payload(_ digest: Digest) throws(Fault) -> [UInt8] { try payloads.get(digest) }
}

/// Which entries somebody wants to see. Empty texts and `nil` leave a question open.
public struct NoteQuery: Equatable, Sendable {
    public var queue: Queue
    /// Written at or after this, by the node's clock.
    public var from: WallTime?
    /// And before this.
    public var until: WallTime?
    /// Whose.
    public var site = ""
    public var node = ""
    /// Where the entries before these ended.
    public var after: RecordQuery.Cursor?

    public init(_ queue: Queue) { self.queue = queue }
}

/// An entry of telemetry, alerts or audit, as it came.
public struct Note: Equatable, Sendable {
    public var row: Int64
    public var origin: Origin
    public var sequence: UInt64
    public var received: WallTime
    public var at: WallTime
    public var clock: UInt64
    public var body: [UInt8]
}

extension Note {
    /// Of the row's columns in the order in which they are sealed, then seal, id, site, node and
    /// epoch; `nil` when the seal is broken.
    init?(sealed row: Row) {
        guard Seal.of((0...5).map { row.value($0) }) == .integer(row.integer(6)),
            let queue = Queue(rawValue: row.text(1))
        else { return nil }
        self.row = row.integer(7)
        origin = Origin(site: row.text(8), node: row.text(9), epoch: row.bits(10), queue: queue)
        sequence = row.bits(0)
        received = WallTime(nanoseconds: row.integer(2))
        at = WallTime(nanoseconds: row.integer(3))
        clock = row.bits(4)
        body = row.blob(5)
    }
}

/// A query's condition.
struct QueryClause {
    private(set) var text: String
    private(set) var values: [SQLValue] = []

    init(_ query: RecordQuery) {
        // The name of the losers' side is spelt out, so that the indices of winners are used.
        text = query.losers ? "WHERE 1" : "WHERE r.won"
        add("r.at >= ?", query.from.map { .integer($0.nanoseconds) })
        add("r.at < ?", query.until.map { .integer($0.nanoseconds) })
        add("r.site = ?", given(query.site))
        add("r.node = ?", given(query.node))
        add("r.task = ?", given(query.task))
        add("r.stream = ?", given(query.stream))
        add("r.label = ?", given(query.label))
        add("r.rank = ?", query.tier.map { .int(Tier?.some($0).standing) })
        add("r.confidence >= ?", query.leastConfidence.map(SQLValue.real))
        add("r.confidence <= ?", query.mostConfidence.map(SQLValue.real))
        switch query.truth {
        case .any: break
        case .labelled: text += " AND t.label IS NOT NULL"
        case .unlabelled: text += " AND t.label IS NULL"
        case .wrong: text += " AND t.label <> r.label"
        }
        if query.withFrame { text += " AND f.digest IS NOT NULL" }
        if let after = query.after {
            text += " AND (r.at, r.id) < (?, ?)"
            values += [.integer(after.at.nanoseconds), .integer(after.row)]
        }
    }

    private mutating func add(_ condition: String, _ value: SQLValue?) {
        guard let value else { return }
        text += " AND " + condition
        values.append(value)
    }

    private func given(_ text: String) -> SQLValue? { text.isEmpty ? nil : .text(text) }
}
