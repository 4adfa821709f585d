public import Routing

/// What a node hears.
public enum Event: Hashable, Sendable {
    /// A frame came, under an id that `Node.admit` gave.
    case arrived(FrameID, Arrival)
    /// Something happened to a frame. An event for a frame that is over changes nothing, but for
    /// the end of its inference: that frees a worker, and must be said of every `infer` effect.
    case frame(FrameID, FrameEvent)
    /// The task's model is loaded; answers from `bar` on are accepted, all of them when it is
    /// `nil`.
    case modelReady(task: Int, bar: Bar?)
    /// The task's model is gone.
    case modelLost(task: Int)
    /// Another model is wanted for the task and cannot be had, so what it has is stale; or that is
    /// over.
    case modelStale(task: Int, Bool)
    /// How many frames an engine works on at once.
    case workers(Int)
    /// Whether the task's model has an engine of its own, and with it workers.
    case ownEngine(task: Int, Bool)
    /// Time passes: a host says it every `Node.tick`.
    case tick
    /// A probe ended.
    case probed(peer: Int, number: UInt32, isWell: Bool)
    /// An operator overrules a peer's breaker; `nil` lets it judge again.
    case peerOverride(peer: Int, Peer.Override?)
    /// A peer takes nothing new, or does again.
    case peerDraining(peer: Int, Bool)
    /// A peer has called this node, so it is there.
    case peerCalled(peer: Int)
    /// How many frames a source may have under way on all shards; `nil` is no limit.
    case sourceLimit(source: Int, Int?)
    /// The node was asked to take nothing new.
    case draining
    /// It was asked to go on.
    case undrained
    /// Another shard of the node said something; see `ShardMessage`.
    case told(from: Int, ShardMessage)
}
