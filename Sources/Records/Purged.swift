public import Ground

/// What a purge has deleted.
public struct Purged: Equatable, Sendable {
    public enum Reason: String, Sendable {
        /// Its time was over.
        case term
        /// Newer frames needed the room.
        case quota
    }

    /// `frames`, `records` or `audit`, and what goes with records: `settlements`, `gaps`, `early
    /// labels`, `incidents`, `reports`.
    public var kind: String
    public var reason: Reason
    /// What arrived before this is gone; for `quota`, when it happened.
    public var before: WallTime
    public var count = 0
    /// Of frames.
    public var bytes = 0
    /// How many of them a sink had not taken yet.
    public var undelivered = 0

    init(kind: String, reason: Reason, before: WallTime) {
        self.kind = kind
        self.reason = reason
        self.before = before
    }

    /// The audit entry, JSON.
    var entry: [UInt8] {
        JSON.object([
            "event": .string("purge"), "class": .string(kind), "reason": .string(reason.rawValue),
            "before": .integer(Int(before.nanoseconds)), "count": .integer(count),
            "bytes": .integer(bytes), "undelivered": .integer(undelivered),
        ]).canonical
    }

    /// Reads an audit entry; `nil` when it is of another event.
    public init?(entry: [UInt8]) {
        guard case .object(let members)? = try? JSON(parsing: entry, place: "an audit entry"),
            members["event"] == .string("purge"), case .string(let kind)? = members["class"],
            case .string(let word)? = members["reason"], let reason = Reason(rawValue: word),
            case .integer(let before)? = members["before"],
            case .integer(let count)? = members["count"],
            case .integer(let bytes)? = members["bytes"],
            case .integer(let undelivered)? = members["undelivered"]
        else { return nil }
        self.init(
            kind: kind, reason: reason, before: WallTime(nanoseconds: Int64(before)))
        (self.count, self.bytes, self.undelivered) = (count, bytes, undelivered)
    }
}

extension [Purged] {
    /// Adds what one step deleted.
    mutating func add(_ step: [Purged]) {
        for one in step where one.count > 0 {
            if let index = firstIndex(where: { $0.kind == one.kind }) {
                self[index].count += one.count
                self[index].bytes += one.bytes
                self[index].undelivered += one.undelivered
            } else {
                append(one)
            }
        }
    }
}
