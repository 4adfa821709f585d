import Ground

/// What files of a spool are called.
enum SegmentName {
    static let state = "state"
    static let reserve = "reserve"
    private static let suffix = ".segment"
    private static let damagedSuffix = ".damaged"
    private static let digits = 20
    /// No queue gets that far; a name that says more was not given by a spool.
    private static let mostFirst = UInt64(1) << 62

    /// `result-00000000000000000001.segment`: names sort as sequence numbers do.
    static func make(_ queue: SpoolQueue, _ first: UInt64) -> String {
        let number = String(first)
        let zeros = String(repeating: "0", count: max(digits - number.count, 0))
        return "\(queue)-\(zeros)\(number)\(suffix)"
    }

    /// The queue and first sequence number of a segment's name; `nil` for any other name.
    static func parse(_ name: String) -> (queue: SpoolQueue, first: UInt64)? {
        guard name.hasSuffix(suffix), let dash = name.firstIndex(of: "-"),
            let queue = SpoolQueue(name[..<dash])
        else { return nil }
        let number = name[name.index(after: dash)...].dropLast(suffix.count)
        guard number.utf8.count == digits, number.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let first = UInt64(number), first > 0, first <= mostFirst
        else { return nil }
        return (queue, first)
    }

    /// What a segment is called that is kept for those who want to know what happened to it.
    static func damaged(_ name: String) -> String { name + damagedSuffix }

    static func isDamaged(_ name: String) -> Bool { name.hasSuffix(suffix + damagedSuffix) }
}
