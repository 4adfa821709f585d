internal import Ground
internal import Storage

extension Shelf {
    /// Rows that one transaction purges: it holds others up for some milliseconds.
    static let purgeStep = 1000

    /// What is purged apart, in this order.
    enum Purging: CaseIterable { case frames, records, telemetry, alerts, audit, rest }

    /// Deletes some of what is past its term, and says so in an audit entry.
    ///
    /// - Returns: what went, and whether there is more.
    func purge(_ part: Purging, now: WallTime) throws(Fault) -> (purged: [Purged], isMore: Bool) {
        let (frames, records, audit) = (
            now - settings.retention.frames, now - settings.retention.records,
            now - settings.retention.audit
        )
        let one: Purged
        switch part {
        case .frames: one = try purgeFrames(before: frames, now)
        case .records: one = try purgeRecords(before: records, now)
        case .telemetry: one = try purgeNotes("records", .telemetry, before: records, now)
        case .alerts: one = try purgeNotes("records", .alert, before: records, now)
        case .audit: one = try purgeNotes("audit", .audit, before: audit, now)
        case .rest:
            let small = try purgeSmall(before: records, now)
            try database.shrink(pages: 4 * Self.purgeStep)
            return (small, false)
        }
        return ([one], one.count == Self.purgeStep)
    }

    /// Rows of this part up to it have been taken by every sink.
    private func taken(_ part: SinkPart) throws(Fault) -> Int64 {
        let sql = "SELECT min(cursor) FROM sinks WHERE part = ? AND name <> ''"
        let least = try database.first(sql, [.text(part.rawValue)]) { row -> Int64? in
            row.isNull(0) ? nil : row.integer(0)
        }
        return (least ?? nil) ?? .max
    }

    /// What a sink has not taken is kept for as long again.
    private func overdue(_ before: WallTime, _ now: WallTime) -> WallTime {
        before - (now - before)
    }

    // MARK: Frames

    private func purgeFrames(before: WallTime, _ now: WallTime) throws(Fault) -> Purged {
        var purged = Purged(kind: "frames", reason: .term, before: before)
        let old = try frames(
            "WHERE received < ? AND (id <= ? OR received < ?)",
            [
                .integer(before.nanoseconds), .integer(try taken(.frames)),
                .integer(overdue(before, now).nanoseconds),
            ], limit: Self.purgeStep)
        if !old.isEmpty { try remove(old, &purged, now) }
        return purged
    }

    /// Makes room for the frames of a batch: the oldest go.
    func makeRoom(for delivery: Delivery, _ now: WallTime) throws(Fault) {
        var needed = 0
        for record in delivery.records {
            guard case .escalation(let escalation) = record.body else { continue }
            needed += Self.diskBytes(escalation.payload?.count ?? 0)
        }
        guard needed > 0 else { return }
        let room = max(settings.frameBytes - needed, 0)
        var purged = Purged(kind: "frames", reason: .quota, before: now)
        while frameBytes > room {
            let oldest = try frames("", [], limit: 64)
            if oldest.isEmpty { break }
            try remove(oldest, &purged, now)
        }
    }

    struct Frame {
        var row: Int64
        var digest: Digest
        var bytes: Int

        /// Bytes of disk.
        var disk: Int { Shelf.diskBytes(bytes) }
    }

    func frames(
        _ condition: String, _ values: [SQLValue], order: String = "received, id", limit: Int
    ) throws(Fault) -> [Frame] {
        try database.rows(
            "SELECT frames.id, frames.digest, frames.bytes FROM frames \(condition) "
                + "ORDER BY \(order)", values, limit: limit
        ) { row in
            Frame(
                row: row.integer(0), digest: Digest(bytes: row.blob(1)) ?? .none,
                bytes: row.int(2))
        }
    }

    /// Rows first, in one transaction with their audit entry; then the files that no row names.
    func remove(
        _ frames: [Frame], _ purged: inout Purged, _ now: WallTime
    ) throws(Fault) {
        var step = Purged(kind: purged.kind, reason: purged.reason, before: purged.before)
        step.count = frames.count
        step.bytes = frames.reduce(0) { $0 + $1.bytes }
        let taken = try taken(.frames)
        step.undelivered = frames.count { $0.row > taken }
        try database.transaction { () throws(Fault) in
            for frame in frames {
                try database.run("DELETE FROM frames WHERE id = ?", [.integer(frame.row)])
            }
            try audit(step, now)
        }
        frameBytes -= frames.reduce(0) { $0 + $1.disk }
        purged.count += step.count
        purged.bytes += step.bytes
        purged.undelivered += step.undelivered
        for frame in frames {
            if try !isNamed(frame.digest) { try payloads.remove(frame.digest) }
        }
    }

    // MARK: Records and notes

    private func purgeRecords(before: WallTime, _ now: WallTime) throws(Fault) -> Purged {
        var purged = Purged(kind: "records", reason: .term, before: before)
        let taken = try taken(.records)
        let old = try database.rows(
            """
            SELECT id, merge, won FROM records
            WHERE received < ? AND (id <= ? OR received < ?) ORDER BY received
            """,
            [
                .integer(before.nanoseconds), .integer(taken),
                .integer(overdue(before, now).nanoseconds),
            ], limit: Self.purgeStep
        ) { (row: $0.integer(0), merge: $0.blob(1), won: $0.bool(2)) }
        if old.isEmpty { return purged }
        purged.count = old.count
        purged.undelivered = old.count { $0.row > taken }
        try database.transaction { () throws(Fault) in
            for record in old {
                try database.run("DELETE FROM records WHERE id = ?", [.integer(record.row)])
            }
            for record in old { try forget(record.merge, won: record.won) }
            try audit(purged, now)
        }
        return purged
    }

    /// An answer about a frame is gone: another one is the best now, or nothing is left of it.
    private func forget(_ merge: [UInt8], won: Bool) throws(Fault) {
        let left = try database.first(
            "SELECT 1 FROM records WHERE merge = ?", [.blob(merge)]
        ) { _ in true }
        if left == nil {
            try database.run("DELETE FROM truths WHERE merge = ?", [.blob(merge)])
        } else if won, let key = MergeKey(bytes: merge) {
            try elect(key)
        }
    }

    private func purgeNotes(
        _ kind: String, _ queue: Queue, before: WallTime, _ now: WallTime
    ) throws(Fault) -> Purged {
        var purged = Purged(kind: kind, reason: .term, before: before)
        let (taken, overdue) = (try taken(.notes), overdue(before, now))
        try database.transaction { () throws(Fault) in
            let undelivered = try database.first(
                "SELECT count(*) FROM notes WHERE queue = ? AND received < ? AND id > ?",
                [.text(queue.rawValue), .integer(overdue.nanoseconds), .integer(taken)]
            ) { $0.int(0) }
            try database.run(
                """
                DELETE FROM notes WHERE id IN (SELECT id FROM notes
                WHERE queue = ? AND received < ? AND (id <= ? OR received < ?)
                ORDER BY received LIMIT ?)
                """,
                [
                    .text(queue.rawValue), .integer(before.nanoseconds), .integer(taken),
                    .integer(overdue.nanoseconds), .int(Self.purgeStep),
                ])
            purged.count = database.changes
            guard purged.count > 0 else { return }
            purged.undelivered = min(undelivered ?? 0, purged.count)
            try audit(purged, now)
        }
        return purged
    }

    /// What hangs on records and is small: settlements, gaps, labels that nothing came for, and
    /// what nodes said of themselves.
    private func purgeSmall(before: WallTime, _ now: WallTime) throws(Fault) -> [Purged] {
        var all: [Purged] = []
        for table in ["settlements", "gaps", "early_labels", "incidents", "reports"] {
            let kind = table == "early_labels" ? "early labels" : table
            var purged = Purged(kind: kind, reason: .term, before: before)
            try database.transaction { () throws(Fault) in
                try database.run(
                    "DELETE FROM \(table) WHERE received < ?", [.integer(before.nanoseconds)])
                purged.count = database.changes
                if purged.count > 0 { try audit(purged, now) }
            }
            all.append(purged)
        }
        earlyLabels = try database.first("SELECT count(*) FROM early_labels") { $0.int(0) } ?? 0
        return all
    }

    // MARK: Audit

    /// An entry of the store's own: its origin is this node, with an epoch of the store.
    private func audit(_ purged: Purged, _ now: WallTime) throws(Fault) {
        let origin = Origin(
            site: settings.site, node: settings.node, epoch: try ownEpoch(), queue: .audit)
        var holding = try holding(origin, now)
        let sequence = holding.mark.through + 1
        let record = Owed(
            sequence: sequence, at: now, clock: UInt64(clamping: now.nanoseconds / 1_000_000) << 16,
            .note(purged.entry))
        try insert(note: purged.entry, record, .audit, holding.row, now)
        try holding.mark.add(sequence...sequence)
        try save(holding, Ingested(watermark: 0, taken: 1), now)
    }

    /// Random, made with the file: an index that began again numbers its entries anew.
    private func ownEpoch() throws(Fault) -> UInt64 {
        let sql = "SELECT cursor FROM sinks WHERE name = '' AND part = 'epoch'"
        if let known = try database.first(sql, [], { $0.bits(0) }) { return known }
        let epoch = UInt64.random(in: 1...Delivery.sequenceLimit)
        try database.run("INSERT INTO sinks VALUES ('', 'epoch', ?)", [.bits(epoch)])
        return epoch
    }
}

extension Digest {
    /// Of nothing that exists.
    fileprivate static let none = Digest(bytes: [UInt8](repeating: 0, count: 32))!
}
