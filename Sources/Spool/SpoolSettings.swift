public import Cryptography
import Ground

/// How much a spool may hold, and how.
public struct SpoolSettings: Sendable {
    /// Bytes of disk that it never goes beyond, its own files and the reserve among them.
    public var quota: Int
    /// Bytes of a segment of frames or results; `nil` for a 32nd of the quota. Room is given up by
    /// segments, so a full spool loses so much at a time.
    public var segmentBytes: Int?
    /// The longest record, 16 MiB as a frame may be at most.
    public var recordBytes = 16 << 20
    /// Bytes that wait for a commit: a commit follows by itself beyond. 4 MiB is forty frames of
    /// 100 KB, and more than a disk takes in the 5 ms of a group commit.
    public var pendingBytes = 4 << 20
    /// What records are sealed with; they lie there as they came when there is none.
    public var key: SealingKey?
    /// Bugs to be found by those who look for them.
    package var planted = SpoolPlanted()

    /// The least quota: a segment of each queue, the reserve and the cursors.
    public static let leastQuota = 256 << 10

    public init(quota: Int, key: SealingKey? = nil) {
        self.quota = max(quota, Self.leastQuota)
        self.key = key
    }
}

/// Bugs that somebody could write, for proofs that they would be found.
package struct SpoolPlanted: Sendable {
    /// Records are taken for good whatever their checksum says.
    package var skipsChecksums = false
    /// Segments are unlinked before the cursor is durable.
    package var unlinksFirst = false

    package init() {}
}

/// Sizes that follow from the settings.
struct SpoolSizes {
    /// The unit of disks and of memory.
    static let page = 4096
    /// A header and a record or two.
    static let leastSegment = 4 * page
    /// Opening reads a queue's last segment as a whole: 32 MiB of each of the two large queues are
    /// read in a fraction of a second, and making a segment is nothing beside filling it.
    static let mostSegment = 32 << 20

    let quota: Int
    private let large: Int

    init(_ settings: SpoolSettings) {
        quota = settings.quota
        let wanted = settings.segmentBytes ?? settings.quota / 32
        large = Self.pages(min(max(wanted, Self.leastSegment), Self.mostSegment))
    }

    /// Bytes of a segment of `queue` that shall hold `framed` more.
    func segment(_ queue: SpoolQueue, holding framed: Int) -> Int {
        let usual = queue <= .result ? large : Self.pages(max(large / 8, Self.leastSegment))
        return max(usual, least(holding: framed))
    }

    /// Bytes of the smallest segment that can hold `framed`.
    func least(holding framed: Int) -> Int {
        max(Self.pages(SegmentHeader.size + framed), Self.leastSegment)
    }

    /// Bytes that are kept for writing a gap and a cursor on a disk that others have filled.
    var reserve: Int { min(256 << 10, Self.pages(quota / 32)) }

    /// Bytes of damaged segments that are kept for those who want to know why; the oldest go first.
    var quarantine: Int { quota / 16 }

    static func pages(_ bytes: Int) -> Int { (bytes + page - 1) / page * page }
}
