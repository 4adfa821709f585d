import Ground
import Node
import Routing

extension Shard {
    /// Hands a frame to the spool.
    func owe(_ frame: Frame, _ reason: DegradedReason) { hear(.frame(frame.id, .kept(false))) }

    /// Keeps a record of what the client was told.
    func record(_ frame: Frame) {}
}
