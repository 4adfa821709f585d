import Ground
import Node
import Routing
import Topology

/// A machine: its node's shards, its engine, its clock and its links upstream.
struct Host {
    /// What it is up to.
    enum State { case up, draining, down }

    let index: Int
    let plan: NodePlan
    /// `nil` for a foreign server, which answers all it is asked.
    let blueprint: Blueprint?
    /// Index of its site in the report.
    let site: Int
    /// Its shards' indexes in the world.
    var shards = 0..<0
    var state = State.up
    var clock: NodeClock
    var engine: Engine
    /// How often it has started: tells what was meant for an earlier life.
    var starts: UInt32 = 0
    /// By peer: the host it is, and the link to it.
    var peers: [(host: Int, link: Int)] = []
    /// Task indexes of the topology, by this node's own.
    var tasks: [Int] = []
    /// This node's own task indexes, by the topology's; −1 where it has none.
    var ownTask: [Int] = []
    /// While it drains: when it ends at the latest, and how long it is away then.
    var drain: (limit: UInt64, away: UInt64)?
}

/// One loop's share of a node, and the frames that it keeps.
struct Shard {
    let host: Int
    var node: Node
    var frames: [SimulatedFrame] = []
    /// What the watch keeps.
    var watch: ShardWatch
    /// When a call of it last failed, in the world's time.
    var failedAt: UInt64?

    /// Place of a frame that is still there, or `nil`.
    func place(_ id: FrameID) -> Int? {
        let slot = Int(id.slot)
        guard slot < frames.count, frames[slot].isThere, frames[slot].id == id else { return nil }
        return slot
    }
}

/// What the world keeps of a frame while its journey at one node lasts.
struct SimulatedFrame {
    /// Who waits for the answer.
    enum Origin {
        case camera(Int)
        case call(UInt32, generation: UInt32)
    }

    var id = FrameID(slot: 0, generation: 0)
    var isThere = false
    var origin = Origin.camera(0)
    /// One number for a camera's frame on all its ways: it names the frame in reports.
    var serial: UInt64 = 0
    /// The node's own index.
    var task = 0
    var bytes = 0
    /// When the camera sent it, or the node got it, in the world's time.
    var since: UInt64 = 0
    /// On the node's clock.
    var deadline = Instant.distantFuture
    /// When its timer is due: on the node's clock, and in the world's time.
    var alarm = Instant.distantFuture
    var alarmAt = UInt64.max
    /// The present call upstream, where there is one.
    var call: (index: UInt32, generation: UInt32)?
    /// Whom the last call asked, and what came of it.
    var peer = -1
    var upstream: Answer?
    var load = 0
    /// What was said to whoever waits.
    var first = false
    var final = false
    /// Inferences that were asked for and are not through.
    var isInferring = false
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
