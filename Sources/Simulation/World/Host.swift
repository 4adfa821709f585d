import Ground
import Node
import Routing
import Topology

/// A machine: its node's shards, its engine, its clock and its links upstream.
struct Host {
    /// What it is up to.
    enum State { case up, draining, down }

    /// What a task is at this host.
    struct Task {
        /// Index of the task in the topology.
        var index: Int
        /// The bar of its answers; `nil` accepts all.
        var bar: Bar?
        /// The frame's own inputs are the answer.
        var isIdentity: Bool
        /// From which score on it alerts; 2 when it does not.
        var alert: Double
    }

    let name: String
    let tier: Tier
    let plan: HostPlan
    var blueprint: Blueprint? { plan.blueprint }
    /// Index of its site in the report.
    let site: Int
    let drainLimit: UInt64
    let loops: Int
    /// Its shards' indexes in the world.
    var shards = 0..<0
    var state = State.up
    var clock: NodeClock
    var engine: Engine
    /// How long messages take from shard to shard.
    var postage: Randomness
    /// What the watch keeps of all its shards together.
    var watch = HostWatch()
    /// How often it has started: tells what was meant for an earlier life.
    var starts: UInt32 = 0
    /// By peer: the host it is, and the link to it.
    var peers: [(host: Int, link: Int)] = []
    /// By its own numbers.
    var tasks: [Task] = []
    /// Its own number of each task of the topology; −1 where it has none.
    var ownTask: [Int] = []
    /// Nodes that ask it, so far: each is a source of its own.
    var callers = 0
    /// What it owes the node above; `nil` where it keeps nothing.
    var spool: VirtualSpool?
    /// The same where spools lie on virtual disks.
    var desk: OwingDesk?
    /// Whether it keeps what it owes.
    var keeps: Bool { spool != nil || desk != nil }
    var certificate: SimulatedCertificate?
    /// Since when its models answer.
    var readyAt: UInt64 = 0
    /// While it drains: when it ends at the latest, and how long it is away then.
    var drain: (limit: UInt64, away: UInt64)?
}

/// What the topology says of a host: kilobytes that no frame asks for, and so apart.
final class HostPlan: Sendable {
    /// `nil` for a foreign server, which answers all it is asked.
    let blueprint: Blueprint?

    init(_ blueprint: Blueprint?) { self.blueprint = blueprint }
}

/// One loop's share of a node, and the frames that it keeps.
struct Shard {
    let host: Int
    /// Which of its host's shards it is.
    let number: ShardPlace
    var node: Node
    /// By shard: when the last message to it arrives; none overtakes another.
    var lastLetter: [UInt64]
    var frames: [SimulatedFrame] = []
    /// What it heard, where that is kept.
    var log: EventLog?
    /// What the watch keeps.
    var watch: ShardWatch
    /// When a call or a probe of it last failed or was given up, in the world's time.
    var failedAt: UInt64?
    /// By peer: the number of the last probe that has come back.
    var probed: [UInt32]

    /// Place of a frame that is still there, or `nil`.
    @inline(__always)
    func place(_ id: FrameID) -> Int? {
        let slot = Int(id.slot)
        guard slot < frames.count, frames[slot].isThere, frames[slot].id == id else { return nil }
        return slot
    }
}

/// Names a call among those under way.
struct CallID: Equatable {
    var index: UInt32
    var generation: UInt32
}

/// What the world keeps of a frame while its journey at one node lasts.
struct SimulatedFrame {
    /// Who waits for the answer.
    enum Origin {
        case camera(UInt32)
        case call(CallID)
        /// A frame that a host owes: the host, its call, and the frame's number in that.
        case owed(UInt32, UInt32, UInt32)
    }

    var id = FrameID(slot: 0, generation: 0)
    var origin = Origin.camera(0)
    /// One number for a camera's frame on all its ways: it names the frame in reports.
    var serial: UInt64 = 0
    /// When the node got it, in the world's time.
    var since: UInt64 = 0
    /// On the node's clock.
    var deadline = Instant.distantFuture
    /// When its timer is due: on the node's clock, and in the world's time.
    var alarm = Instant.distantFuture
    var alarmAt = UInt64.max
    var timer = Agenda.Ticket()
    /// The calls upstream that are under way: the first and a hedge.
    var call: CallID?
    var beside: CallID?
    /// What came of the call that was answered.
    var upstream: Answer?
    /// Whom the last call asked, and the one before.
    var peer: Int32 = -1
    var peerBefore: Int32 = -1
    var load: Int32 = 0
    var workClass = WorkClass.realtime
    /// The node's own numbers of the task and of who sent the frame: 0 for a camera.
    var task: Int32 = 0
    var source: Int32 = 0
    var isThere = false
    /// Its last answer or refusal was given.
    var final = false
    /// It was alerted of.
    var alerted = false
    /// Whether the last answer was one, and not a refusal; and how often it was recorded.
    var answered = false
    var records = 0
    /// It was handed to the spool: no worker, place or call is its own any more.
    var isOwed = false
    /// An inference was asked for.
    var began = false
    /// The inference's outcome is not wanted any more.
    var isCancelled = false
    /// The node's clock leapt forward meanwhile, past the deadline perhaps.
    var isJolted = false
    /// Nobody waits for an answer any more.
    var isGivenUp = false
}

/// What a node says to whoever called it.
struct Answer {
    var tier: Tier
    var accepted: Bool
    var degraded: DegradedReason?
    var load: PeerLoad?
}

/// A call on its way from a node to a peer, and back.
struct Call {
    var generation: UInt32 = 0
    var isOpen = false
    var shard = 0
    var frame = FrameID(slot: 0, generation: 0)
    var attempt: UInt32 = 0
    var peer = 0
    var deadline = Instant.distantFuture
    /// When it was made, on the caller's clock.
    var madeAt = Instant(nanoseconds: 0)
    /// What the peer is told that remains.
    var remaining = Interval.zero
    /// What comes back.
    var answer: Answer?
    var failure = CallFailure.unreachable
    /// The peer's frame, once it has one.
    var there: (shard: Int, id: FrameID, incarnation: UInt32)?
}
