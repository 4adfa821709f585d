/// Whose queue a record comes from. With its sequence it is a record's identity.
public struct Origin: Hashable, Sendable, CustomStringConvertible {
    public let site: String
    public let node: String
    /// Random, made with the node's spool: a node that was wiped is not taken for its former self.
    public let epoch: UInt64
    public let queue: Queue

    public init(site: String, node: String, epoch: UInt64, queue: Queue) {
        self.site = site
        self.node = node
        self.epoch = epoch
        self.queue = queue
    }

    public var description: String {
        "\(node)/\(queue.rawValue)@\(String(epoch, radix: 16))"
    }
}

/// What a node owes, each a run of sequences of its own. The raw value is its name on the wire.
public enum Queue: String, CaseIterable, Sendable {
    /// Frames that wait for a better answer.
    case escalation
    /// What was answered, a frame each.
    case result
    /// Summaries of what was measured.
    case telemetry
    case alert
    /// What was done, and by whom.
    case audit
}
