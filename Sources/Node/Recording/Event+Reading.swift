internal import Ground
internal import Routing

extension Event {
    /// Reads what `put(into:)` wrote.
    init(reading words: inout WordReader) throws(Fault) {
        let number = try words.word()
        switch number {
        case 1: self = .arrived(try FrameID(reading: &words), try Arrival(reading: &words))
        case 2: self = .frame(try FrameID(reading: &words), try FrameEvent(reading: &words))
        case 3:
            self = .modelReady(task: try words.integer(), bar: try words.number().flatMap(Bar.init))
        case 4: self = .modelLost(task: try words.integer())
        case 5: self = .draining
        case 6: self = .workers(try words.integer())
        case 7: self = .tick
        case 8:
            self = .probed(
                peer: try words.integer(), number: UInt32(truncatingIfNeeded: try words.word()),
                isWell: try words.flag())
        case 9: self = .peerOverride(peer: try words.integer(), try Self.override(&words))
        case 10: self = .peerDraining(peer: try words.integer(), try words.flag())
        case 11: self = .sourceLimit(source: try words.integer(), try Self.limit(&words))
        case 12: self = .undrained
        case 13: self = .ownEngine(task: try words.integer(), try words.flag())
        case 14: self = .peerCalled(peer: try words.integer())
        case 15: self = .told(from: try words.integer(), try ShardMessage(reading: &words))
        case 16: self = .modelStale(task: try words.integer(), try words.flag())
        default: throw words.fault("there is no event \(number)")
        }
    }

    private static func override(_ words: inout WordReader) throws(Fault) -> Peer.Override? {
        let number = try words.integer()
        guard number > 0 else { return nil }
        guard number <= Peer.Override.numbered.count else {
            throw words.fault("there is no override \(number)")
        }
        return Peer.Override.numbered[number - 1]
    }

    private static func limit(_ words: inout WordReader) throws(Fault) -> Int? {
        let word = try words.integer()
        return word == 0 ? nil : word - 1
    }
}

extension FrameID {
    init(reading words: inout WordReader) throws(Fault) {
        let word = try words.word()
        self.init(
            slot: UInt32(truncatingIfNeeded: word >> 32),
            generation: UInt32(truncatingIfNeeded: word))
    }
}

extension Arrival {
    init(reading words: inout WordReader) throws(Fault) {
        let task = try words.integer()
        let mode: Mode = try words.flag() ? .wait : .refine
        let urgency = try words.integer()
        guard let workClass = WorkClass.allCases.first(where: { $0.urgency == urgency }) else {
            throw words.fault("there is no class of urgency \(urgency)")
        }
        self.init(
            task: task, mode: mode, workClass: workClass, source: try words.integer(),
            deadline: Instant(nanoseconds: try words.word()), bytes: try words.integer(),
            accept: try words.number().flatMap(Bar.init), mayTravel: try words.flag(),
            isEntry: try words.flag())
    }
}

extension FrameEvent {
    init(reading words: inout WordReader) throws(Fault) {
        let number = try words.word()
        switch number {
        case 1:
            self = .inferred(
                try words.number().map(Confidence.init),
                alert: try words.number().map(Confidence.init))
        case 2: self = .inferenceFailed(try words.one(of: InferenceFailure.numbered))
        case 3:
            self = .answered(
                attempt: UInt32(truncatingIfNeeded: try words.word()),
                accepted: try words.flag(), alert: try words.number().map(Confidence.init),
                load: try Self.load(&words))
        case 4:
            self = .failed(
                attempt: UInt32(truncatingIfNeeded: try words.word()),
                try words.one(of: CallFailure.numbered))
        case 5: self = .timer
        case 6: self = .cancelled
        case 7: self = .begun
        case 8: self = .displaced
        case 9: self = .kept(try words.flag())
        case 10: self = .heard
        default: throw words.fault("there is no event \(number) of a frame")
        }
    }

    private static func load(_ words: inout WordReader) throws(Fault) -> PeerLoad? {
        let held = try words.integer()
        return held == 0 ? nil : PeerLoad(held: held - 1, room: try words.integer())
    }
}
