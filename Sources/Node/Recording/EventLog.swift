public import Ground
public import Routing

/// What one shard of a node heard, and what it did: enough to live through it again.
///
/// A log begins with what the shard was made from. Each record then holds the time since the one
/// before, what came, what came of it, and a check of all that. It ends with a mark: a log without
/// one was cut off, when its node was killed for instance, and is good up to its last whole record.
public struct EventLog: Sendable {
    /// What a shard was made from.
    public struct Header: Hashable, Sendable {
        /// The node's name in the topology.
        public var node: String
        /// Which of the node's shards it was.
        public var place: ShardPlace
        /// What its draws were seeded with.
        public var seed: UInt64
        /// The moment of its making, on the node's clock.
        public var start: Instant
        /// Of the topology's files; `nil` when it came from none.
        public var topology: Digest?

        public init(
            node: String, place: ShardPlace, seed: UInt64, start: Instant,
            topology: Digest? = nil
        ) {
            self.node = node
            self.place = place
            self.seed = seed
            self.start = start
            self.topology = topology
        }
    }

    /// Why a log ends.
    public enum End: Hashable, CaseIterable, Sendable {
        /// The node ended in an orderly way.
        case node
        /// The log was as long as it may be.
        case bound
        /// The disk failed, or was too slow.
        case disk
    }

    /// What a record is about, by its number in logs.
    enum Kind: UInt64 {
        case event = 1
        case admission = 2
        case adoption = 3
        case end = 4
    }

    /// How a file of this kind and version begins.
    static let magic = Array("canopy-events-2\n".utf8)

    private var writer = WordWriter()
    private var scratch = WordWriter()
    private var last: Instant
    /// Where the present record begins in the writer's bytes.
    private var begin = 0

    public init(_ header: Header) {
        last = header.start
        writer.put(raw: Self.magic)
        begin = writer.bytes.count
        let name = Array(header.node.utf8)
        writer.put(name.count)
        writer.put(raw: name)
        writer.put(header.place.number)
        writer.put(header.place.count)
        writer.put(header.seed)
        writer.put(header.start.nanoseconds)
        writer.put(header.topology != nil)
        if let digest = header.topology { writer.put(raw: digest.bytes) }
        seal()
    }

    /// What was written since the beginning, or since it was taken last.
    public var bytes: [UInt8] { writer.bytes }

    /// How much that is.
    public var count: Int { writer.bytes.count }

    /// The bytes since the last time, which are then forgotten here: for a file that grows.
    public mutating func take() -> [UInt8] {
        defer { writer.removeAll() }
        return writer.bytes
    }

    /// Adds an event, when it was heard, and what came of it. Moments never go back.
    public mutating func append(_ event: Event, at now: Instant, _ effects: Effects) {
        open(.event, at: now)
        event.put(into: &writer)
        writer.put(effects.list.count)
        for effect in effects.list {
            scratch.removeAll()
            effect.put(into: &scratch)
            writer.put(scratch.bytes.count)
            writer.put(raw: scratch.bytes)
        }
        seal()
    }

    /// Adds that the node gave a place to a frame that is about to arrive.
    public mutating func admitted(_ id: FrameID) {
        open(.admission, at: last)
        id.put(into: &writer)
        seal()
    }

    /// Adds that the node took over another topology, by the digest of its files.
    public mutating func adopted(_ topology: Digest, at now: Instant) {
        open(.adoption, at: now)
        writer.put(raw: topology.bytes)
        seal()
    }

    /// Ends the log.
    public mutating func end(_ why: End, at now: Instant) {
        open(.end, at: now)
        writer.put(Numbers.of(why, in: End.allCases))
        seal()
    }

    private mutating func open(_ kind: Kind, at now: Instant) {
        begin = writer.bytes.count
        writer.put(kind.rawValue)
        writer.put(UInt64(max((now - last).nanoseconds, 0)))
        last = max(now, last)
    }

    private mutating func seal() {
        writer.put(raw: Self.check(writer.bytes[begin...]))
    }

    /// The bytes that a check takes.
    static let checkLength = 4

    /// Tells a record that was damaged: such a one is never given to a node.
    static func check(_ record: ArraySlice<UInt8>) -> [UInt8] {
        var hash = TraceHash()
        for byte in record { hash.put(UInt64(byte)) }
        return (0..<checkLength).map { UInt8(truncatingIfNeeded: hash.value >> (32 + 8 * $0)) }
    }
}
