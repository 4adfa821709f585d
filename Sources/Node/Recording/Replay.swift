public import Ground
public import Routing

/// Reads an event log, and lets a node live through it again.
public struct Replay {
    public let header: EventLog.Header
    private var words: WordReader
    /// The moment of the last record, on the node's clock.
    public private(set) var now: Instant
    /// What was read so far: events, what came of them, and topologies that were taken over.
    public private(set) var events = 0
    public private(set) var effects = 0
    public private(set) var adoptions = 0
    /// Why the log ends; `nil` when it was cut off, or was not read to its end.
    public private(set) var end: EventLog.End?
    /// Bytes of a last record that was not written whole.
    public private(set) var leftOut = 0
    private var present = Effects()

    /// - Throws: `corrupt` when the bytes are no event log.
    public init(_ bytes: [UInt8]) throws(Fault) {
        guard bytes.starts(with: EventLog.magic) else {
            throw Fault(
                .corrupt, "this is no event log: it does not begin with “canopy-events-2”",
                remedy: "give a file that `canopy serve --record` wrote, and the program that did")
        }
        words = WordReader(bytes, from: EventLog.magic.count)
        let begin = words.place
        header = try EventLog.Header(reading: &words)
        now = header.start
        try Self.check(&words, from: begin)
    }

    /// Lets the node hear all that was recorded.
    ///
    /// - Parameters:
    ///   - node: as it was at the log's beginning: made from the same topology, with the header's
    ///     seed.
    ///   - adopting: what a topology of this digest becomes that was taken over at this moment.
    /// - Throws: `corrupt` when the log is damaged; `inner` at the first thing that the node does
    ///   and was not recorded, or does not and was; and what `adopting` throws.
    public mutating func run(
        _ node: inout Node,
        adopting: (Digest, Instant) throws(Fault) -> Surroundings = { _, _ throws(Fault) in
            throw Fault(.unsupported, "the node took another topology over, which is not at hand")
        }
    ) throws(Fault) {
        while !words.isAtEnd, end == nil {
            let begin = words.place
            guard let record = try next(from: begin) else {
                leftOut = words.bytes.count - begin
                return
            }
            now = now + .nanoseconds(Int64(clamping: record.passed))
            switch record.what {
            case .event(let event, let expected): try hear(event, expected, &node)
            case .admission(let id): try admit(id, to: &node)
            case .adoption(let topology):
                adoptions += 1
                node.adopt(try adopting(topology, now))
            case .end(let why): end = why
            }
        }
        guard words.isAtEnd else { throw words.fault("there is more behind the end") }
    }

    // MARK: Reading

    private struct Record {
        enum What {
            case event(Event, effects: [ArraySlice<UInt8>])
            case admission(FrameID)
            case adoption(Digest)
            case end(EventLog.End)
        }

        var passed: UInt64
        var what: What
    }

    /// The next record, or `nil` where the log is cut off in the middle of it.
    private mutating func next(from begin: Int) throws(Fault) -> Record? {
        do throws(Fault) {
            let record = try read()
            try Self.check(&words, from: begin)
            return record
        } catch {
            guard words.isShort else { throw error }
            return nil
        }
    }

    private mutating func read() throws(Fault) -> Record {
        let kind = try words.word()
        let passed = try words.word()
        switch EventLog.Kind(rawValue: kind) {
        case .event:
            let event = try Event(reading: &words)
            var effects: [ArraySlice<UInt8>] = []
            for _ in 0..<(try words.count()) { effects.append(try words.raw(try words.count())) }
            return Record(passed: passed, what: .event(event, effects: effects))
        case .admission:
            return Record(passed: passed, what: .admission(try FrameID(reading: &words)))
        case .adoption:
            return Record(passed: passed, what: .adoption(try words.digest()))
        case .end:
            return Record(passed: passed, what: .end(try words.one(of: EventLog.End.allCases)))
        case nil: throw words.fault("there is no record of kind \(kind)")
        }
    }

    private static func check(_ words: inout WordReader, from begin: Int) throws(Fault) {
        let expected = EventLog.check(words.bytes[begin..<words.place])
        guard try words.raw(EventLog.checkLength).elementsEqual(expected) else {
            throw words.fault("a record and its check differ")
        }
    }

    // MARK: Living

    private mutating func hear(
        _ event: Event, _ expected: [ArraySlice<UInt8>], _ node: inout Node
    ) throws(Fault) {
        events += 1
        present.removeAll()
        node.on(event, now: now, into: &present)
        effects += present.list.count
        for place in 0..<max(expected.count, present.list.count) {
            let recorded = place < expected.count ? expected[place] : nil
            let done = place < present.list.count ? present.list[place] : nil
            var writer = WordWriter()
            done?.put(into: &writer)
            guard let recorded, done != nil, recorded.elementsEqual(writer.bytes) else {
                throw differs(event, place, recorded, done)
            }
        }
    }

    private func admit(_ id: FrameID, to node: inout Node) throws(Fault) {
        let given = node.admit()
        guard given == id else {
            throw Fault(
                .inner,
                "after event \(events), \(moment): the frame had the place \(id), and now"
                    + " \(given.map { "it has \($0)" } ?? "it has none")", remedy: Self.remedy)
        }
    }

    private func differs(
        _ event: Event, _ place: Int, _ recorded: ArraySlice<UInt8>?, _ done: Effect?
    ) -> Fault {
        let was = recorded.map { Effect.words($0) } ?? "nothing more"
        let present = done.map { effect in
            var writer = WordWriter()
            effect.put(into: &writer)
            return "\(Effect.words(writer.bytes[...])), that is \(effect)"
        }
        return Fault(
            .inner,
            "event \(events), \(moment), \(event): effect \(place + 1) was \(was), and now it is"
                + " \(present ?? "nothing more")", remedy: Self.remedy)
    }

    private var moment: String { "\((now - header.start).milliseconds) ms after the beginning" }

    private static let remedy = "replay with the program that recorded, or find what changed it"
}

extension EventLog.Header {
    init(reading words: inout WordReader) throws(Fault) {
        let length = try words.integer()
        guard (0...255).contains(length) else { throw words.fault("a name of \(length) bytes") }
        let name = String(decoding: try words.raw(length), as: UTF8.self)
        let (number, count) = (try words.integer(), try words.integer())
        guard (1...1024).contains(count), (0..<count).contains(number) else {
            throw words.fault("there is no shard \(number) of \(count)")
        }
        self.init(
            node: name, place: ShardPlace(number, of: count), seed: try words.word(),
            start: Instant(nanoseconds: try words.word()))
        if try words.flag() { topology = try words.digest() }
    }
}

extension Effect {
    /// Recorded words of an effect, for people: what it is, and its numbers.
    static func words(_ bytes: ArraySlice<UInt8>) -> String {
        var reader = WordReader(Array(bytes), from: 0)
        var words: [String] = []
        while !reader.isAtEnd, let word = try? reader.word() { words.append("\(word)") }
        if let number = words.first.flatMap({ Int($0) }), names.indices.contains(number - 1) {
            words[0] = names[number - 1]
        }
        return "“\(words.joined(separator: " "))”"
    }
}
