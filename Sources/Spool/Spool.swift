public import Ground

/// What a node owes to those above it, on its disk: a queue for each kind, written in segments,
/// never larger than its quota, whole after a power cut at any moment.
///
/// A record is durable when the `commit` after its `append` has returned. It stays until it is
/// settled, or until there is no room for it; then a gap stands in its place, and is read like a
/// record. Sequence numbers begin at 1 and none is given twice, so what is read has no holes.
///
/// All calls block, and all come from one thread. Memory is bounded: what waits for a commit
/// (`SpoolSettings.pendingBytes`), what a `read` returns, and some dozens of bytes for a segment.
public final class Spool {
    /// Most segments: each costs an entry in memory and a header's read at the start.
    static let mostSegments = 65_536
    /// Most records of one commit: a quarter of what a record's header can count.
    static let mostPending = 16_384

    let folder: String
    let disk: any SegmentDisk
    let settings: SpoolSettings
    let sizes: SpoolSizes
    let policy: RoomPolicy
    /// Draws salts and epochs.
    let draw: () -> UInt64
    /// Names this spool's life: 64 random bits, drawn when its folder was made, so that one which
    /// begins anew is not taken for its former self.
    public internal(set) var epoch: UInt64 = 0

    let state: StateFile
    let reserve: Reserve
    var lanes: [Lane] = []
    /// What is appended and not durable, one batch for each lane.
    var batches: [Batch]
    /// Damaged segments that are kept, oldest first.
    var quarantined: [(path: String, size: Int)] = []
    /// Whether the state in memory says more than the file.
    var isStateNew = false
    /// Whether names were made that are not durable.
    var isFolderNew = false
    /// Whether a write has failed, so that what waits must go to other segments.
    var mustMove = false

    /// Opens the spool in `folder`, and makes it when it is not there.
    ///
    /// What is read is the cursors, a page of each segment, and the segment of each queue that was
    /// written to last.
    ///
    /// - Parameter draw: unguessable numbers, for the epoch and the salts of sealed segments.
    /// - Throws: `precondition` when another process has it or the key is not the one it was
    ///   sealed with, `unsupported` when a later version wrote it, `exhausted` when it is not there
    ///   yet and the disk is full, and what the disk says. Damage is no fault: it becomes gaps.
    public init(
        folder: String, disk: any SegmentDisk, settings: SpoolSettings,
        draw: @escaping () -> UInt64
    ) throws(Fault) {
        self.folder = folder
        self.disk = disk
        self.settings = settings
        self.draw = draw
        sizes = SpoolSizes(settings)
        policy = RoomPolicy(quota: settings.quota)
        batches = SpoolQueue.allCases.map { _ in Batch() }
        try disk.makeFolder(folder)
        reserve = Reserve("\(folder)/\(SegmentName.reserve)", bytes: sizes.reserve, disk)
        state = try Self.openState("\(folder)/\(SegmentName.state)", reserve, disk)
        try open()
    }

    private static func openState(
        _ path: String, _ reserve: Reserve, _ disk: any SegmentDisk
    ) throws(Fault) -> StateFile {
        do throws(Fault) {
            return try StateFile(path, disk)
        } catch {
            guard error.code == .exhausted, reserve.release() else { throw error }
            return try StateFile(path, disk)
        }
    }

    /// How full each queue is, the lowest first.
    public var depths: [SpoolDepth] { lanes.map(\.depth) }

    /// Bytes of disk that all its files have.
    public var held: Int {
        StateFile.size + reserve.held + quarantined.reduce(0) { $0 + $1.size }
            + lanes.reduce(0) { $0 + $1.bytes }
    }

    /// Bytes of disk that are left of its quota, or of the disk where that has less.
    public var room: Int {
        let left = max(settings.quota - held, 0)
        guard let free = try? disk.freeRoom(folder) else { return left }
        return min(left, free)
    }

    /// Records that are appended and not durable yet.
    public var pending: Int { batches.reduce(0) { $0 + $1.entries.count } }

    // MARK: The state file

    /// Makes cursors, gaps and counts durable. There is always room: what the file has is written
    /// over, and where a disk needs more for that, the reserve is given up.
    func saveState() throws(Fault) {
        let record = StateRecord(generation: 0, epoch: epoch, queues: lanes.map(\.state))
        do throws(Fault) {
            try state.write(record)
        } catch {
            guard error.code == .exhausted, reserve.release() else { throw error }
            try state.write(record)
        }
        isStateNew = false
    }

    /// Makes names durable, where any is new.
    func saveFolder() throws(Fault) {
        guard isFolderNew else { return }
        try disk.syncFolder(folder)
        isFolderNew = false
    }
}
