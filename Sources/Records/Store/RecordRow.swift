public import Ground
internal import Storage

/// One answer as the store holds it.
public struct RecordRow: Equatable, Sendable {
    /// The row in this store; other stores have other numbers.
    public let row: Int64
    /// All answers about one frame share it: a record's id.
    public let key: MergeKey
    /// Whether it is the best answer about its frame.
    public let won: Bool
    /// When it came here, by the hub's clock.
    public let received: WallTime
    public let clock: UInt64
    public let origin: Origin
    public let sequence: UInt64
    public let answer: Answer
    /// The digest of the frame's request, where it is kept.
    public let payload: Digest?
    /// What the answer should have been, where somebody said so.
    public let truth: String?

    /// When the frame was taken, or answered where nobody said.
    public var at: WallTime { answer.capturedAt ?? answer.answeredAt }

    /// How it ranks among the answers about its frame.
    public var standing: Standing {
        Standing(answer, clock: clock, place: .init(origin, sequence))
    }
}

/// How a `RecordRow` is written and read. What the seal covers comes first and in this order.
enum RecordColumns {
    static let sealed = [
        "sequence", "merge", "received", "at", "clock", "site", "task", "stream", "frame", "input",
        "rank", "node", "bundle", "label", "confidence", "accepted", "degraded", "approved",
        "captured", "answered", "latency", "trace", "request",
    ]

    static let insert: String = {
        let names = sealed + ["origin", "won", "seal"]
        let places = names.map { _ in "?" }.joined(separator: ", ")
        return "INSERT INTO records (\(names.joined(separator: ", "))) VALUES (\(places))"
    }()

    /// Columns of a query over `records r`, `origins o`, `truths t` and `frames f`.
    static let select =
        "SELECT " + sealed.map { "r.\($0)" }.joined(separator: ", ")
        + ", r.id, r.won, r.seal, o.site, o.node, o.epoch, o.queue, t.label, f.digest "
        + "FROM records r JOIN origins o ON o.id = r.origin "
        + "LEFT JOIN truths t ON t.merge = r.merge LEFT JOIN frames f ON f.merge = r.merge "

    static func values(
        _ answer: Answer, _ record: Owed, key: MergeKey, site: String, received: WallTime
    ) -> [SQLValue] {
        let at = answer.capturedAt ?? answer.answeredAt
        return [
            .bits(record.sequence), .blob(key.bytes), .integer(received.nanoseconds),
            .integer(at.nanoseconds), .bits(record.clock), .text(site), .text(answer.task),
            .text(orNull: answer.frame?.stream),
            answer.frame.map { .bits($0.sequence) } ?? .null, .blob(answer.input),
            .int(answer.tier.standing), .text(answer.node),
            answer.bundle.map { .blob($0.bytes) } ?? .null, .text(answer.label),
            answer.confidence.map { .real($0) } ?? .null, .bool(answer.accepted),
            .text(answer.degraded), .bool(answer.approved),
            answer.capturedAt.map { .integer($0.nanoseconds) } ?? .null,
            .integer(answer.answeredAt.nanoseconds), .integer(answer.latency.nanoseconds),
            .blob(answer.trace), .text(answer.request),
        ]
    }

    /// The row, or `nil` when its seal says that it is not what was written.
    static func read(_ row: Row) -> RecordRow? {
        let count = sealed.count
        guard Seal.of((0..<count).map { row.value($0) }) == .integer(row.integer(count + 2)),
            let key = MergeKey(bytes: row.blob(1)),
            let queue = Queue(rawValue: row.text(count + 6))
        else { return nil }
        return RecordRow(
            row: row.integer(count), key: key, won: row.bool(count + 1),
            received: WallTime(nanoseconds: row.integer(2)), clock: row.bits(4),
            origin: Origin(
                site: row.text(count + 3), node: row.text(count + 4), epoch: row.bits(count + 5),
                queue: queue),
            sequence: row.bits(0), answer: answer(row), payload: Digest(bytes: row.blob(count + 8)),
            truth: row.isNull(count + 7) ? nil : row.text(count + 7))
    }

    /// The place after this row, sound or not.
    static func cursor(_ row: Row) -> RecordQuery.Cursor {
        RecordQuery.Cursor(
            at: WallTime(nanoseconds: row.integer(3)), row: row.integer(sealed.count))
    }

    private static func answer(_ row: Row) -> Answer {
        var answer = Answer(
            task: row.text(6),
            frame: row.isNull(7) ? nil : FrameName(stream: row.text(7), sequence: row.bits(8)),
            tier: Tier?(standing: row.int(10)), node: row.text(11),
            bundle: Digest(bytes: row.blob(12)), label: row.text(13),
            confidence: row.isNull(14) ? nil : row.real(14),
            answeredAt: WallTime(nanoseconds: row.integer(19)))
        answer.input = row.blob(9)
        answer.accepted = row.bool(15)
        answer.degraded = row.text(16)
        answer.approved = row.bool(17)
        answer.capturedAt = row.isNull(18) ? nil : WallTime(nanoseconds: row.integer(18))
        answer.latency = .nanoseconds(row.integer(20))
        answer.trace = row.blob(21)
        answer.request = row.text(22)
        return answer
    }
}
