import Ground
import Routing

extension Event {
    /// Gives the event as words: its number first, then what it carries. The numbers are part of
    /// the format of logs: a new event takes a new one.
    public func put(into sink: inout some WordSink) {
        switch self {
        case .arrived(let id, let arrival):
            sink.put(UInt64(1))
            id.put(into: &sink)
            arrival.put(into: &sink)
        case .frame(let id, let event):
            sink.put(UInt64(2))
            id.put(into: &sink)
            event.put(into: &sink)
        case .modelReady(let task, let bar):
            sink.put(UInt64(3))
            sink.put(task)
            sink.put(bar?.value)
        case .modelLost(let task):
            sink.put(UInt64(4))
            sink.put(task)
        case .draining: sink.put(UInt64(5))
        case .workers(let count):
            sink.put(UInt64(6))
            sink.put(count)
        case .tick: sink.put(UInt64(7))
        case .probed(let peer, let number, let isWell):
            sink.put(UInt64(8))
            sink.put(peer)
            sink.put(UInt64(number))
            sink.put(isWell)
        case .peerOverride(let peer, let override):
            sink.put(UInt64(9))
            sink.put(peer)
            sink.put(override.map { Numbers.of($0, in: Peer.Override.numbered) + 1 } ?? 0)
        case .peerDraining(let peer, let isDraining):
            sink.put(UInt64(10))
            sink.put(peer)
            sink.put(isDraining)
        case .sourceLimit(let source, let limit):
            sink.put(UInt64(11))
            sink.put(source)
            sink.put(limit.map { $0 + 1 } ?? 0)
        case .undrained: sink.put(UInt64(12))
        case .ownEngine(let task, let isOwn):
            sink.put(UInt64(13))
            sink.put(task)
            sink.put(isOwn)
        case .peerCalled(let peer):
            sink.put(UInt64(14))
            sink.put(peer)
        case .told(let from, let message):
            sink.put(UInt64(15))
            sink.put(from)
            message.put(into: &sink)
        case .modelStale(let task, let isStale):
            sink.put(UInt64(16))
            sink.put(task)
            sink.put(isStale)
        }
    }
}

extension FrameID {
    func put(into sink: inout some WordSink) {
        sink.put(UInt64(slot) << 32 | UInt64(generation))
    }
}

extension WordSink {
    /// `nil` is a word that no bar and no confidence is.
    mutating func put(_ number: Double?) { put(number?.bitPattern ?? .max) }
}

extension Arrival {
    func put(into sink: inout some WordSink) {
        sink.put(task)
        sink.put(mode == .wait)
        sink.put(workClass.urgency)
        sink.put(source)
        sink.put(deadline.nanoseconds)
        sink.put(bytes)
        sink.put(accept?.value)
        sink.put(mayTravel)
        sink.put(isEntry)
    }
}

extension FrameEvent {
    func put(into sink: inout some WordSink) {
        switch self {
        case .inferred(let confidence, let alert):
            sink.put(UInt64(1))
            sink.put(confidence?.value)
            sink.put(alert?.value)
        case .inferenceFailed(let why):
            sink.put(UInt64(2))
            sink.put(Numbers.of(why, in: InferenceFailure.numbered))
        case .answered(let attempt, let accepted, let alert, let load):
            sink.put(UInt64(3))
            sink.put(UInt64(attempt))
            sink.put(accepted)
            sink.put(alert?.value)
            sink.put(load.map { $0.held + 1 } ?? 0)
            if let load { sink.put(load.room) }
        case .failed(let attempt, let why):
            sink.put(UInt64(4))
            sink.put(UInt64(attempt))
            sink.put(Numbers.of(why, in: CallFailure.numbered))
        case .timer: sink.put(UInt64(5))
        case .cancelled: sink.put(UInt64(6))
        case .begun: sink.put(UInt64(7))
        case .displaced: sink.put(UInt64(8))
        case .kept(let isKept):
            sink.put(UInt64(9))
            sink.put(isKept)
        case .heard: sink.put(UInt64(10))
        }
    }
}

/// Cases by their numbers in logs: their order is part of the format.
enum Numbers {
    static func of<Case: Equatable>(_ one: Case, in numbered: [Case]) -> Int {
        numbered.firstIndex(of: one)!
    }
}

extension InferenceFailure {
    static let numbered: [Self] = [.invalid, .overload, .deadline, .unavailable]
}

extension CallFailure {
    static let numbered: [Self] = [.unreachable, .timeout, .overloaded, .refused, .unserved]
}

extension Peer.Override {
    static let numbered: [Self] = [.open, .closed]
}
