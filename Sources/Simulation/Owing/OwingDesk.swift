import Cryptography
import Ground
import Node
import Routing
import Spool
import Topology

/// One node's spool on its virtual disk, and its calls to the node above: what the gateway keeps
/// on a thread of its own.
final class OwingDesk {
    /// A frame that waits to hear whether it is on disk.
    struct Waiter {
        var shard: Int
        var id: FrameID
        /// Its number in the queue; `nil` when the spool has not taken it.
        var sequence: UInt64?
    }

    /// A call to the node above that is under way.
    struct Call {
        let number: UInt32
        /// `nil` is a report.
        let parcel: OwedParcel?
        /// Bytes that have not left yet.
        var left: Int
        /// Pieces that were lost one after the other.
        var losses = 0
        /// What comes back; `nil` is a refusal.
        var reply: Reply?
        /// Frames that the hub infers.
        var frames: OwedIntake?
    }

    struct Reply {
        var marks: [(queue: SpoolQueue, through: UInt64)]
        /// Of owed frames in the batch: whether they were answered.
        var settlements: [(sequence: UInt64, isAnswered: Bool)] = []
    }

    static let folder = "/spool"

    let plan: SpoolPlan
    /// Where it sends: an index into the host's peers.
    let peer: Int
    let disk: VirtualDisk
    let settings: SpoolSettings
    /// `nil` while its node is away.
    var spool: Spool?
    /// The spool's, once it was opened.
    var epoch: UInt64?
    var uploading: Uploading
    var rhythm: GroupCommit
    var lastClock: UInt64 = 0
    var waiting: [Waiter] = []
    /// Tells a timer that was replaced.
    var timer: UInt32 = 0
    var isTimed = false
    var calls: UInt32 = 0
    var call: Call?
    /// Frames whose client has a receipt, by sequence, until they are answered or lost.
    var promised: Set<UInt64> = []
    var answered = 0
    var lost = 0
    /// The hub's side of it.
    var ledger = HubLedger()
    var accounts = OwedAccounts()
    /// The most bytes of disk that it had.
    var mostHeld = 0
    var notes: UInt64 = 0
    private var numbers: Randomness

    init(_ plan: SpoolPlan, peer: Int, quota: Int, isSealed: Bool, seed: UInt64, now: Instant) {
        self.plan = plan
        self.peer = peer
        disk = VirtualDisk(seed: seed)
        var settings = SpoolSettings(quota: quota)
        if isSealed { settings.key = try? .init((0..<32).map { UInt8($0) }) }
        self.settings = settings
        numbers = Randomness(seed: seed)
        uploading = Uploading(plan, now: now)
        rhythm = GroupCommit(plan)
    }

    /// Opens the spool as it lies on the disk, for a node that begins.
    func open(now: Instant) throws(Fault) {
        uploading = Uploading(plan, now: now)
        rhythm = GroupCommit(plan)
        (waiting, call, isTimed, lastClock) = ([], nil, false, 0)
        spool = try Spool(folder: Self.folder, disk: disk, settings: settings) { [unowned self] in
            numbers.next()
        }
    }

    /// Its node ends, or its machine does.
    func end(_ how: VirtualDisk.Ending) {
        spool = nil
        (waiting, call, isTimed) = ([], nil, false)
        disk.restart(how)
        accounts.ended()
    }

    /// Whether a queue has anything that is not settled.
    func isDue(_ queue: SpoolQueue) -> Bool {
        guard let depth = spool?.depths[Int(queue.rawValue)] else { return false }
        return depth.first < depth.next
    }
}

/// Frames of one batch at the hub, which infers them for the node that owes them.
struct OwedIntake {
    /// As many under way as a real hub has of one batch.
    static let atOnce = 8
    /// How long a frame may take; its client has long been answered.
    static let patience = Interval.seconds(20)

    var waiting: ArraySlice<(sequence: UInt64, item: OwedItem)>
    var running = 0
    var outcomes: [UInt64: Bool] = [:]
    /// The hub has too much to do, or no model: the rest comes again.
    var isGivenUp = false
}
