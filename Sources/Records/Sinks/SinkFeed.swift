public import Ground
internal import Storage

/// What a store hands on to a larger one. The store itself is the queue: each sink has a place in
/// it, and what lies behind that place is due.
public enum SinkPart: String, CaseIterable, Sendable {
    case records, truths, gaps, notes, frames
}

/// Some of what is due, and where the next begins.
struct Due<Item: Sendable>: Sendable {
    var items: [Item]
    /// The last row that was looked at; `nil` when nothing was due.
    var through: Int64?
}

/// A true label as sinks get it.
struct DueTruth: Sendable {
    var key: MergeKey
    var label: TrueLabel
}

/// A gap as sinks get it.
struct DueGap: Sendable {
    var origin: Origin
    var first: UInt64
    var last: UInt64
    var reason: String
    var received: WallTime
}

/// A kept frame as sinks get it.
struct DueFrame: Sendable {
    var key: MergeKey
    var payload: Digest
}

extension Shelf {
    func register(sink name: String, _ parts: [SinkPart]) throws(Fault) {
        for part in parts {
            try database.run(
                "INSERT INTO sinks VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
                [.text(name), .text(part.rawValue)])
        }
    }
}

extension RecordStore {
    /// Names a sink: from now on what it has not taken is kept past its term, up to twice of it.
    public func register(sink name: String, parts: [SinkPart]) throws(Fault) {
        try write { (shelf) throws(Fault) in try shelf.register(sink: name, parts) }
        try sinks.with { (sinks) throws(Fault) in sinks[name] = parts }
    }

    /// Forgets the sinks that the topology does not name any more: nothing waits for them.
    public func keepSinks(_ names: [String]) throws(Fault) {
        try write { (shelf) throws(Fault) in
            let known = try shelf.database.rows(
                "SELECT DISTINCT name FROM sinks WHERE name <> ''", limit: 1000
            ) { $0.text(0) }
            for name in known where !names.contains(name) {
                try shelf.database.run("DELETE FROM sinks WHERE name = ?", [.text(name)])
            }
        }
    }

    /// The sink has taken everything up to this row.
    func advance(_ sink: String, _ part: SinkPart, to row: Int64) throws(Fault) {
        try write { (shelf) throws(Fault) in
            try shelf.database.run(
                "UPDATE sinks SET cursor = max(cursor, ?) WHERE name = ? AND part = ?",
                [.integer(row), .text(sink), .text(part.rawValue)])
        }
    }

    /// How many rows a sink has not taken.
    public func owing(to sink: String) throws(Fault) -> Int {
        try read { (database) throws(Fault) in
            let cursors = try database.rows(
                "SELECT part, cursor FROM sinks WHERE name = ?", [.text(sink)], limit: 100
            ) { (part: SinkPart(rawValue: $0.text(0)), cursor: $0.integer(1)) }
            var count = 0
            for (part, cursor) in cursors {
                guard let part else { continue }
                count +=
                    try database.first(
                        "SELECT count(*) FROM \(part.rawValue) WHERE id > ?", [.integer(cursor)]
                    ) { $0.int(0) } ?? 0
            }
            return count
        }
    }

    func dueRecords(_ sink: String, limit: Int) throws(Fault) -> Due<RecordRow> {
        try due(
            sink, .records, RecordColumns.select + "WHERE r.id > ? ORDER BY r.id", limit: limit,
            id: { RecordColumns.cursor($0).row }, RecordColumns.read)
    }

    func dueTruths(_ sink: String, limit: Int) throws(Fault) -> Due<DueTruth> {
        let sql = "SELECT id, merge, label, at, who FROM truths WHERE id > ? ORDER BY id"
        return try due(sink, .truths, sql, limit: limit, id: { $0.integer(0) }) { row in
            MergeKey(bytes: row.blob(1)).map { key in
                DueTruth(
                    key: key,
                    label: TrueLabel(
                        label: row.text(2), at: WallTime(nanoseconds: row.integer(3)),
                        who: row.text(4)))
            }
        }
    }

    func dueGaps(_ sink: String, limit: Int) throws(Fault) -> Due<DueGap> {
        let sql = """
            SELECT g.id, o.site, o.node, o.epoch, o.queue, g.first, g.last, g.reason, g.received
            FROM gaps g JOIN origins o ON o.id = g.origin WHERE g.id > ? ORDER BY g.id
            """
        return try due(sink, .gaps, sql, limit: limit, id: { $0.integer(0) }) { row in
            DueGap(
                origin: Origin(
                    site: row.text(1), node: row.text(2), epoch: row.bits(3),
                    queue: Queue(rawValue: row.text(4)) ?? .result),
                first: row.bits(5), last: row.bits(6), reason: row.text(7),
                received: WallTime(nanoseconds: row.integer(8)))
        }
    }

    func dueNotes(_ sink: String, limit: Int) throws(Fault) -> Due<Note> {
        let sql = """
            SELECT n.sequence, n.queue, n.received, n.at, n.clock, n.body, n.seal, n.id,
            o.site, o.node, o.epoch FROM notes n JOIN origins o ON o.id = n.origin
            WHERE n.id > ? ORDER BY n.id
            """
        return try due(
            sink, .notes, sql, limit: limit, id: { $0.integer(7) }, Note.init(sealed:))
    }

    func dueFrames(_ sink: String, limit: Int) throws(Fault) -> Due<DueFrame> {
        let sql = "SELECT id, merge, digest FROM frames WHERE id > ? ORDER BY id"
        return try due(sink, .frames, sql, limit: limit, id: { $0.integer(0) }) { row in
            guard let key = MergeKey(bytes: row.blob(1)), let payload = Digest(bytes: row.blob(2))
            else { return nil }
            return DueFrame(key: key, payload: payload)
        }
    }

    /// Rows after the sink's place; what is damaged is passed over.
    private func due<Item: Sendable>(
        _ sink: String, _ part: SinkPart, _ sql: String, limit: Int,
        id: (Row) -> Int64, _ item: (Row) -> Item?
    ) throws(Fault) -> Due<Item> {
        try read { (database) throws(Fault) in
            let cursor = try database.first(
                "SELECT cursor FROM sinks WHERE name = ? AND part = ?",
                [.text(sink), .text(part.rawValue)]
            ) { $0.integer(0) }
            guard let cursor else { return Due(items: [], through: nil) }
            var due = Due<Item>(items: [], through: nil)
            var looked = 0
            try database.each(sql, [.integer(cursor)]) { row in
                due.through = id(row)
                if let item = item(row) { due.items.append(item) }
                looked += 1
                return looked < limit
            }
            return due
        }
    }
}
