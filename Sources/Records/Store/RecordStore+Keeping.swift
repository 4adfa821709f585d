public import Ground
internal import Storage

extension RecordStore {
    /// Deletes what is past its term; each step leaves an audit entry in the same transaction,
    /// and between two steps others write. To be called every some minutes.
    public func purge(now: WallTime) throws(Fault) -> [Purged] {
        var all: [Purged] = []
        for part in Shelf.Purging.allCases {
            var isMore = true
            while isMore {
                let step = try write { (shelf) throws(Fault) in try shelf.purge(part, now: now) }
                all.add(step.purged)
                isMore = step.isMore
            }
        }
        return all
    }

    /// Removes payload files that no row names: what a crash left over between writing a file and
    /// its row, or a row's end and its file's. Run at start; a batch that arrives meanwhile waits.
    ///
    /// - Returns: how many there were.
    public func sweep() throws(Fault) -> Int {
        var removed = 0
        for first in UInt8.min...UInt8.max {
            let files = payloads.list(first)
            guard !files.isEmpty else { continue }
            removed += try write { (shelf) throws(Fault) in
                var count = 0
                for digest in files {
                    let known = try shelf.database.first(
                        "SELECT 1 FROM frames WHERE digest = ?", [.blob(digest.bytes)]
                    ) { _ in true }
                    guard known == nil else { continue }
                    try payloads.remove(digest)
                    count += 1
                }
                return count
            }
        }
        return removed
    }

    /// How much is kept, and of whom.
    public func stats() throws(Fault) -> RecordStats {
        try read { (database) throws(Fault) in
            func number(_ sql: String) throws(Fault) -> Int {
                try database.first(sql) { $0.int(0) } ?? 0
            }
            var stats = RecordStats()
            stats.frames = try number("SELECT count(*) FROM records WHERE won")
            stats.answers = try number("SELECT count(*) FROM records")
            stats.labelled = try number("SELECT count(*) FROM truths")
            stats.waitingLabels = try number("SELECT count(*) FROM early_labels")
            stats.payloads = try number("SELECT count(DISTINCT digest) FROM frames")
            stats.payloadBytes = try number("SELECT coalesce(sum(bytes), 0) FROM frames")
            stats.indexBytes = try database.size()
            stats.origins = try database.rows(
                """
                SELECT site, node, epoch, queue, through, taken, duplicates, lost, heard
                FROM origins ORDER BY node, queue, epoch
                """, limit: RecordStats.originLimit
            ) { row in
                RecordStats.OriginStats(
                    origin: Origin(
                        site: row.text(0), node: row.text(1), epoch: row.bits(2),
                        queue: Queue(rawValue: row.text(3)) ?? .result),
                    watermark: row.bits(4), taken: row.int(5), duplicates: row.int(6),
                    lost: row.int(7), heard: WallTime(nanoseconds: row.integer(8)))
            }
            return stats
        }
    }
}

/// What a store holds.
public struct RecordStats: Equatable, Sendable {
    /// Origins that are listed: five queues of some thousand leaves.
    static let originLimit = 20_000

    /// Frames with an answer, each counted once.
    public var frames = 0
    /// All answers, those that others outrank among them.
    public var answers = 0
    public var labelled = 0
    /// Labels whose records have not come.
    public var waitingLabels = 0
    public var payloads = 0
    public var payloadBytes = 0
    public var indexBytes = 0
    /// By node, queue and epoch.
    public var origins: [OriginStats] = []

    public struct OriginStats: Equatable, Sendable {
        public var origin: Origin
        public var watermark: UInt64
        /// Records that were new, came again, and are lost.
        public var taken: Int
        public var duplicates: Int
        public var lost: Int
        /// When the node last sent something.
        public var heard: WallTime
    }

    public init() {}
}
