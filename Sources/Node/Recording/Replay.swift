public import Ground
internal import Routing

/// Reads an event log, and lets a node live through it again.
public struct Replay {
    public let header: EventLog.Header
    private var words: WordReader
    private var now: Instant
    /// Events that were read so far.
    public private(set) var count = 0

    /// - Throws: `corrupt` when the bytes are no event log.
    public init(_ bytes: [UInt8]) throws(Fault) {
        guard bytes.starts(with: EventLog.magic) else {
            throw Fault(
                .corrupt, "this is no event log: it does not begin with “canopy-events-2”",
                remedy: "give a file that `canopy serve --record` wrote")
        }
        words = WordReader(bytes, from: EventLog.magic.count)
        let length = try words.integer()
        guard (0...255).contains(length) else { throw words.fault("a name of \(length) bytes") }
        let name = String(decoding: try words.raw(length), as: UTF8.self)
        let (number, count) = (try words.integer(), try words.integer())
        guard (1...1024).contains(count), (0..<count).contains(number) else {
            throw words.fault("shard \(number) of \(count)")
        }
        header = EventLog.Header(
            node: name, place: ShardPlace(number, of: count), seed: try words.word(),
            start: Instant(nanoseconds: try words.word()))
        now = header.start
    }

    /// Lets the node hear all that was recorded.
    ///
    /// - Parameter node: as it was at the log's beginning: made from the same topology, with the
    ///   header's seed.
    /// - Throws: `corrupt` when the log is damaged, `inner` when the node does something else than
    ///   was recorded, with the event's number and the two hashes.
    public mutating func run(_ node: inout Node) throws(Fault) {
        var effects = Effects()
        while !words.isAtEnd {
            let passed = try words.word()
            now = now + .nanoseconds(Int64(clamping: passed))
            let event = try Event(reading: &words)
            guard try words.word() == EventLog.check(event, passed) else {
                throw words.fault("an event and its check differ")
            }
            let expected = try words.word()
            count += 1
            if case .arrived(let id, _) = event { try admit(id, to: &node) }
            effects.removeAll()
            node.on(event, now: now, into: &effects)
            guard EventLog.hash(effects) == expected else { throw differs(event, effects) }
        }
    }

    private func admit(_ id: FrameID, to node: inout Node) throws(Fault) {
        let given = node.admit()
        guard given == id else {
            throw Fault(
                .inner, "event \(count): the node gave frame \(id) the place \(given as Any)",
                remedy: "replay with the program and the topology that recorded")
        }
    }

    private func differs(_ event: Event, _ effects: Effects) -> Fault {
        Fault(
            .inner,
            "event \(count), \(event): the node did \(effects.list), which was not recorded",
            remedy: "replay with the program and the topology that recorded")
    }
}
