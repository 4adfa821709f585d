import Cryptography
import Ground

/// One file of a queue, in memory: some dozens of bytes, however many records it holds.
final class Segment {
    let queue: SpoolQueue
    /// The sequence number that its first record has, or would have.
    let first: UInt64
    let path: String
    let name: String
    /// What its checksums begin with.
    let lineage: UInt32
    let records: Records
    /// Bytes of its file.
    var size: Int
    /// Bytes of disk: it has whole pages.
    var held: Int { SpoolSizes.pages(size) }
    /// Where the next record goes while it is written to; what is in use otherwise.
    var end: Int
    /// Whether records were found that are not as they were written: it is kept when it is settled.
    var isDamaged = false
    /// Open while it is written to.
    var file: (any SegmentFile)?

    /// How its records lie there.
    enum Records {
        case plain
        case sealed(SealingKey)
        /// Sealed, and the salt is lost.
        case unreadable
    }

    init(
        _ queue: SpoolQueue, first: UInt64, folder: String, epoch: UInt64, records: Records,
        size: Int
    ) {
        self.queue = queue
        self.first = first
        self.records = records
        self.size = size
        name = SegmentName.make(queue, first)
        path = "\(folder)/\(name)"
        lineage = RecordHeader.lineage(epoch: epoch, queue: queue, first: first)
        end = SegmentHeader.size
    }

    /// What seals and opens records here; `nil` when they are plain.
    func makeSeal() -> Seal? {
        guard case .sealed(let key) = records else { return nil }
        return Seal(key)
    }

    /// What is bound to a sealed record: which one of which segment it is.
    func associated(_ sequence: UInt64) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: lineage >> (8 * $0)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: sequence >> (8 * $0)) }
    }
}

/// One queue in memory.
struct Lane {
    let queue: SpoolQueue
    /// Everything up to this is settled.
    var settled: UInt64
    /// The last number that was given to a record.
    var issued: UInt64
    /// The last number that is durable.
    var committed: UInt64
    /// Records lost since the spool was made.
    var dropped: UInt64
    var gaps: GapList
    /// In order. The last one is written to when `isActive`.
    var segments: [Segment] = []
    var isActive = false
    /// Where the last read stopped, so that reading on does not begin at the segment's start.
    var place: ReadingPlace?
    /// Damage that was found in reading, counted when it is settled.
    var found = GapList()

    /// The segment that is written to.
    var active: Segment? { isActive ? segments.last : nil }

    /// The last sequence number that segment `index` may hold.
    func last(ofSegment index: Int) -> UInt64 {
        index + 1 < segments.count ? segments[index + 1].first - 1 : issued
    }

    /// The index of the segment that holds `sequence`, or `nil` when it lies before all.
    func segment(holding sequence: UInt64) -> Int? {
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].first <= sequence { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }

    var state: StateRecord.Queue {
        StateRecord.Queue(settled: settled, next: committed + 1, dropped: dropped, gaps: gaps)
    }

    var bytes: Int { segments.reduce(0) { $0 + $1.held } }

    var depth: SpoolDepth {
        let owed = committed - settled
        let lost = owed > 0 ? gaps.count(in: (settled + 1)...committed) : 0
        return SpoolDepth(
            queue: queue, first: settled + 1, next: committed + 1, records: owed - lost,
            bytes: bytes, dropped: dropped)
    }
}

/// Where the record after `sequence` begins.
struct ReadingPlace {
    var segment: UInt64
    var sequence: UInt64
    var offset: Int
}
