public import Ground

/// What a purge has deleted.
public struct Purged: Equatable, Sendable {
    public enum Reason: String, Sendable {
        /// Its time was over.
        case term
        /// Newer frames needed the room.
        case quota
    }

    /// `frames`, `records` or `audit`.
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
}
