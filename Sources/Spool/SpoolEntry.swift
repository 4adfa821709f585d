public import Ground

/// What stands in a queue under one sequence number or several.
public enum SpoolEntry: Sendable {
    case record(sequence: UInt64, Bytes)
    case gap(SpoolGap)

    /// The last sequence number that it stands for.
    public var last: UInt64 {
        switch self {
        case .record(let sequence, _): sequence
        case .gap(let gap): gap.through
        }
    }
}

/// Records of a queue that are not there any more: it stands in their place.
public struct SpoolGap: Hashable, Sendable {
    public var from: UInt64
    /// The last one, `from` at least.
    public var through: UInt64
    public var reason: SpoolLoss

    public init(from: UInt64, through: UInt64, reason: SpoolLoss) {
        self.from = from
        self.through = through
        self.reason = reason
    }

    /// How many.
    public var count: UInt64 { through - from + 1 }
}

/// Why records are not there any more. The raw value is what stands in files and on the wire.
public enum SpoolLoss: UInt8, Sendable, CustomStringConvertible {
    /// There was no room for them.
    case overflow = 1
    /// The disk did not give back what was written.
    case damaged = 2
    /// Something was being written when the node or its machine went down. It was most likely
    /// never acknowledged; the number of records is an upper bound.
    case unfinished = 3

    public var description: String {
        switch self {
        case .overflow: "overflow"
        case .damaged: "damaged"
        case .unfinished: "unfinished"
        }
    }
}

/// How full one queue is.
public struct SpoolDepth: Hashable, Sendable {
    public var queue: SpoolQueue
    /// The first sequence number that is not settled.
    public var first: UInt64
    /// The next one to be durable; what is appended and not committed is not counted.
    public var next: UInt64
    /// Records from `first` on, those in gaps left out.
    public var records: UInt64
    /// Bytes of disk that the queue's segments take.
    public var bytes: Int
    /// Records lost to overflow and damage since the spool was made.
    public var dropped: UInt64
}
