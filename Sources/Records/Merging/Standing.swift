public import Ground

/// How an answer ranks among those about the same frame. Of any two different answers one ranks
/// higher, whatever the order in which they came: so every store ends with the same winner.
///
/// First what both signer and approver stand behind, then the higher tier, then the later one by
/// hybrid logical clock, then the node's name. What is left, two answers of one node at one tick,
/// is decided by where they were written down.
public struct Standing: Hashable, Comparable, Sendable {
    public var approved: Bool
    public var tier: Tier?
    public var clock: UInt64
    public var node: String
    public var place: Place

    /// Where an answer was written down: no two answers share it, since a record has one.
    public struct Place: Hashable, Comparable, Sendable {
        public var node: String
        public var epoch: UInt64
        public var queue: String
        public var sequence: UInt64
        public init(_ origin: Origin, _ sequence: UInt64) {
            node = origin.node
            epoch = origin.epoch
            queue = origin.queue.rawValue
            self.sequence = sequence
        }

        public static func < (a: Place, b: Place) -> Bool {
            if a.node != b.node { return Standing.precedes(a.node, b.node) }
            if a.queue != b.queue { return Standing.precedes(a.queue, b.queue) }
            return (a.epoch, a.sequence) < (b.epoch, b.sequence)
        }
    }

    public init(_ answer: Answer, clock: UInt64, place: Place) {
        approved = answer.approved
        tier = answer.tier
        self.clock = clock
        node = answer.node
        self.place = place
    }

    public static func < (a: Standing, b: Standing) -> Bool {
        if a.approved != b.approved { return !a.approved }
        if a.tier != b.tier { return a.tier.standing < b.tier.standing }
        if a.clock != b.clock { return a.clock < b.clock }
        if a.node != b.node { return precedes(a.node, b.node) }
        return a.place < b.place
    }

    /// As bytes, so that every machine and every database orders names the same way.
    static func precedes(_ a: String, _ b: String) -> Bool {
        a.utf8.lexicographicallyPrecedes(b.utf8)
    }

    /// Why this one outranks `other`, in words that follow “because”.
    public func reason(over other: Standing) -> String {
        if approved != other.approved { return "its bundle is approved and the other's is not" }
        if tier != other.tier {
            return "\(tier?.rawValue ?? "nobody") stands above \(other.tier?.rawValue ?? "nobody")"
        }
        if clock != other.clock { return "its logical clock is later (\(clock) > \(other.clock))" }
        if node != other.node { return "at the same tick, \(node) sorts after \(other.node)" }
        return "it was written down later in the same node's order"
    }
}
