public import Ground
public import Routing

/// What one shard of a node heard, and a hash of what it did: enough to live through it again.
///
/// The log begins with what the shard was made from. Each record is the time since the one before,
/// the event, a check of both, and the hash of the effects. A topology that is taken over while a
/// node runs is no event: a log ends there, and a new one begins.
public struct EventLog: Sendable {
    /// What a shard was made from, beside its topology.
    public struct Header: Hashable, Sendable {
        /// The node's name in the topology.
        public var node: String
        /// Which of the node's shards it was.
        public var place: ShardPlace
        /// What its draws were seeded with.
        public var seed: UInt64
        /// The moment of its making, on the node's clock.
        public var start: Instant

        public init(node: String, place: ShardPlace, seed: UInt64, start: Instant) {
            self.node = node
            self.place = place
            self.seed = seed
            self.start = start
        }
    }

    /// How a file of this kind and version begins.
    static let magic = Array("canopy-events-2\n".utf8)

    private var writer = WordWriter()
    private var last: Instant

    public init(_ header: Header) {
        last = header.start
        writer.put(raw: Self.magic)
        let name = Array(header.node.utf8)
        writer.put(name.count)
        writer.put(raw: name)
        writer.put(header.place.number)
        writer.put(header.place.count)
        writer.put(header.seed)
        writer.put(header.start.nanoseconds)
    }

    /// What was written since the beginning, or since it was taken last.
    public var bytes: [UInt8] { writer.bytes }

    /// The bytes since the last time, which are then forgotten here: for a file that grows.
    public mutating func take() -> [UInt8] {
        defer { writer.removeAll() }
        return writer.bytes
    }

    /// Adds an event, when it was heard, and what came of it. Moments never go back.
    public mutating func append(_ event: Event, at now: Instant, _ effects: Effects) {
        let passed = UInt64(max((now - last).nanoseconds, 0))
        last = max(now, last)
        writer.put(passed)
        event.put(into: &writer)
        writer.put(Self.check(event, passed))
        writer.put(Self.hash(effects))
    }

    /// Half a hash of a record: a damaged event is never given to a node.
    static func check(_ event: Event, _ passed: UInt64) -> UInt64 {
        var hash = TraceHash()
        hash.put(passed)
        event.put(into: &hash)
        return hash.value >> 32
    }

    static func hash(_ effects: Effects) -> UInt64 {
        var hash = TraceHash()
        for effect in effects.list { effect.put(into: &hash) }
        return hash.value
    }
}
