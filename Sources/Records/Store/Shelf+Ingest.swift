internal import Cryptography
internal import Ground
internal import Storage

extension Shelf {
    /// An origin's row and what is held of it.
    struct Holding {
        var row: Int64
        var mark: Watermark
    }

    func ingest(_ delivery: Delivery, now: WallTime) throws(Fault) -> Ingested {
        try makeRoom(for: delivery, now)
        // Files before the rows that name them. What a crash leaves over is swept later.
        let frames = try keepPayloads(delivery)
        defer { dropUnnamed(frames.values) }
        return try changing { () throws(Fault) -> Ingested in
            var holding = try holding(delivery.origin, now)
            var done = Ingested(watermark: 0)
            for record in delivery.records {
                try take(record, delivery.origin, holding, frames, now, &done)
            }
            try holding.mark.add(delivery.first...delivery.last)
            try save(holding, done, now)
            done.watermark = holding.mark.through
            return done
        }
    }

    /// Removes what was put for rows that were not written: of frames that were there under other
    /// bytes, or of a transaction that did not hold. What fails here is swept at the next start.
    func dropUnnamed(_ digests: some Sequence<Digest>) {
        for digest in digests {
            guard let isNamed = try? isNamed(digest), !isNamed else { continue }
            try? payloads.remove(digest)
        }
    }

    func isNamed(_ digest: Digest) throws(Fault) -> Bool {
        try database.first("SELECT 1 FROM frames WHERE digest = ?", [.blob(digest.bytes)]) { _ in
            true
        } != nil
    }

    /// One transaction. What is counted beside the database is as before when it does not hold.
    func changing<T>(_ body: () throws(Fault) -> T) throws(Fault) -> T {
        let before = (frameBytes, earlyLabels)
        do throws(Fault) {
            return try database.transaction(body)
        } catch {
            (frameBytes, earlyLabels) = before
            throw error
        }
    }

    private func take(
        _ record: Owed, _ origin: Origin, _ holding: Holding, _ frames: [UInt64: Digest],
        _ now: WallTime, _ done: inout Ingested
    ) throws(Fault) {
        if case .gap(let through, let reason) = record.body {
            // Of what was held before it was dropped there, nothing is lost.
            for part in holding.mark.missing(in: record.sequence...through) {
                try add(gap: part, reason, holding.row, now)
                done.lost += part.count
            }
            return
        }
        guard !holding.mark.holds(record.sequence) else {
            done.duplicates += 1
            return
        }
        done.taken += 1
        switch record.body {
        case .result(let answer):
            try insert(answer, record, origin, holding.row, now)
        case .escalation(let escalation):
            try settle(escalation, record, origin, holding.row, now)
            if let digest = frames[record.sequence], let bytes = escalation.payload?.count {
                try insert(frame: digest, bytes, MergeKey(of: escalation.meanwhile), now)
            }
        case .label(let request, let task, let label):
            try take(label, request, task, record.sequence, origin, holding.row, now, &done)
        case .note(let body): try insert(note: body, record, origin.queue, holding.row, now)
        case .gap: break
        }
    }

    // MARK: Answers

    /// Writes an answer down and decides whether it is the best about its frame by now.
    private func insert(
        _ answer: Answer, _ record: Owed, _ origin: Origin, _ row: Int64, _ now: WallTime
    ) throws(Fault) {
        let key = MergeKey(of: answer)
        let standing = Standing(
            answer, clock: record.clock, place: .init(origin, record.sequence))
        let best = try winner(key)
        let wins = best.map { $0.standing < standing } ?? true
        if wins, let best {
            try database.run("UPDATE records SET won = 0 WHERE id = ?", [.integer(best.row)])
        }
        let values = RecordColumns.values(
            answer, record, key: key, site: origin.site, received: now)
        try database.run(
            RecordColumns.insert, values + [.integer(row), .bool(wins), Seal.of(values)])
        // Under a label that is known it counts now; under one that waited for it, with that.
        try count(answer, key)
        try hearEarlyLabels(of: answer, from: origin.node, key)
    }

    private func winner(_ key: MergeKey) throws(Fault) -> (row: Int64, standing: Standing)? {
        try standings(key, " AND r.won").first
    }

    /// The answers about one frame. Standings alone are read: this runs for every record.
    private func standings(
        _ key: MergeKey, _ more: String
    ) throws(Fault) -> [(row: Int64, standing: Standing)] {
        try database.rows(
            """
            SELECT r.id, r.approved, r.rank, r.clock, r.node, o.node, o.epoch, o.queue, r.sequence,
            o.site FROM records r JOIN origins o ON o.id = r.origin WHERE r.merge = ?\(more)
            """, [.blob(key.bytes)], limit: .max
        ) { row in
            let origin = Origin(
                site: row.text(9), node: row.text(5), epoch: row.bits(6),
                queue: Queue(rawValue: row.text(7)) ?? .result)
            var answer = Answer(
                task: "", tier: Tier?(standing: row.int(2)), node: row.text(4), label: "",
                confidence: nil, answeredAt: WallTime(nanoseconds: 0))
            answer.approved = row.bool(1)
            let place = Standing.Place(origin, row.bits(8))
            return (row.integer(0), Standing(answer, clock: row.bits(3), place: place))
        }
    }

    /// Decides again who is the best of what is left about a frame.
    func elect(_ key: MergeKey) throws(Fault) {
        let best = try standings(key, "").max { $0.standing < $1.standing }
        guard let best else { return }
        try database.run(
            "UPDATE records SET won = (id = ?) WHERE merge = ?",
            [.integer(best.row), .blob(key.bytes)])
    }

    // MARK: Escalations

    private func settle(
        _ escalation: Escalation, _ record: Owed, _ origin: Origin, _ row: Int64, _ now: WallTime
    ) throws(Fault) {
        if let answer = escalation.answer { try insert(answer, record, origin, row, now) }
        let (response, error): (SQLValue, SQLValue) =
            switch escalation.settlement {
            case .answered(let bytes): (.blob(bytes), .null)
            case .failed(let words): (.null, .text(words))
            }
        try database.run(
            "INSERT OR REPLACE INTO settlements VALUES (?, ?, ?, ?, ?, ?)",
            [
                .integer(row), .bits(record.sequence), response, error,
                .integer(now.nanoseconds), Seal.of([response, error]),
            ])
    }

    /// Puts the frames of a batch that are to be kept on the disk, by sequence.
    private func keepPayloads(_ delivery: Delivery) throws(Fault) -> [UInt64: Digest] {
        guard delivery.origin.queue == .escalation else { return [:] }
        let mark = try find(delivery.origin)?.mark ?? Watermark()
        var kept: [UInt64: Digest] = [:]
        for record in delivery.records where !mark.holds(record.sequence) {
            guard case .escalation(let escalation) = record.body,
                let payload = escalation.payload,
                Self.diskBytes(payload.count) <= settings.frameBytes
            else { continue }
            let digest = Hash.sha256(payload)
            try payloads.put(payload, digest)
            kept[record.sequence] = digest
        }
        return kept
    }

    func insert(
        frame digest: Digest, _ bytes: Int, _ key: MergeKey, _ now: WallTime
    ) throws(Fault) {
        try database.run(
            """
            INSERT INTO frames (merge, digest, bytes, received) VALUES (?, ?, ?, ?)
            ON CONFLICT (merge) DO NOTHING
            """,
            [.blob(key.bytes), .blob(digest.bytes), .int(bytes), .integer(now.nanoseconds)])
        if database.changes > 0 { frameBytes += Self.diskBytes(bytes) }
    }

    // MARK: The rest

    func insert(
        note body: [UInt8], _ record: Owed, _ queue: Queue, _ row: Int64, _ now: WallTime
    ) throws(Fault) {
        let values: [SQLValue] = [
            .bits(record.sequence), .text(queue.rawValue), .integer(now.nanoseconds),
            .integer(record.at.nanoseconds), .bits(record.clock), .blob(body),
        ]
        try database.run(
            """
            INSERT INTO notes (sequence, queue, received, at, clock, body, origin, seal)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """, values + [.integer(row), Seal.of(values)])
    }

    func add(
        gap: ClosedRange<UInt64>, _ reason: String, _ row: Int64, _ now: WallTime
    ) throws(Fault) {
        try database.run(
            "INSERT INTO gaps (origin, first, last, reason, received) VALUES (?, ?, ?, ?, ?)",
            [
                .integer(row), .bits(gap.lowerBound), .bits(gap.upperBound), .text(reason),
                .integer(now.nanoseconds),
            ])
    }

    // MARK: Origins

    func find(_ origin: Origin) throws(Fault) -> Holding? {
        try database.first(
            "SELECT id, through, ahead FROM origins WHERE node = ? AND site = ? AND epoch = ? "
                + "AND queue = ?",
            [
                .text(origin.node), .text(origin.site), .bits(origin.epoch),
                .text(origin.queue.rawValue),
            ]
        ) { row in
            Holding(
                row: row.integer(0),
                mark: Watermark(through: row.bits(1), ahead: Self.ranges(row.blob(2))))
        }
    }

    func holding(_ origin: Origin, _ now: WallTime) throws(Fault) -> Holding {
        if let known = try find(origin) { return known }
        try database.run(
            """
            INSERT INTO origins (site, node, epoch, queue, through, ahead, heard)
            VALUES (?, ?, ?, ?, 0, x'', ?)
            """,
            [
                .text(origin.site), .text(origin.node), .bits(origin.epoch),
                .text(origin.queue.rawValue), .integer(now.nanoseconds),
            ])
        return Holding(row: database.lastRow, mark: Watermark())
    }

    func save(_ holding: Holding, _ done: Ingested, _ now: WallTime) throws(Fault) {
        try database.run(
            """
            UPDATE origins SET through = ?, ahead = ?, taken = taken + ?,
            duplicates = duplicates + ?, lost = lost + ?, heard = ? WHERE id = ?
            """,
            [
                .bits(holding.mark.through), .blob(Self.bytes(holding.mark.ahead)),
                .int(done.taken), .int(done.duplicates), .int(done.lost),
                .integer(now.nanoseconds), .integer(holding.row),
            ])
    }

    /// Sixteen bytes a range, big-endian.
    private static func bytes(_ ranges: [ClosedRange<UInt64>]) -> [UInt8] {
        ranges.flatMap { range in
            [range.lowerBound, range.upperBound].flatMap { bound in
                withUnsafeBytes(of: bound.bigEndian, Array.init)
            }
        }
    }

    private static func ranges(_ bytes: [UInt8]) -> [ClosedRange<UInt64>] {
        let numbers = stride(from: 0, to: bytes.count / 16 * 16, by: 8).map { start in
            bytes[start..<start + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        return stride(from: 0, to: numbers.count, by: 2).compactMap { at in
            numbers[at] <= numbers[at + 1] ? numbers[at]...numbers[at + 1] : nil
        }
    }
}
