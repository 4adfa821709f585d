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
        sink.put(deadline.nanoseconds)
        sink.put(bytes)
        sink.put(accept?.value)
        sink.put(mayTravel)
    }
}

extension FrameEvent {
    func put(into sink: inout some WordSink) {
        switch self {
        case .inferred(let confidence):
            sink.put(UInt64(1))
            sink.put(confidence?.value)
        case .inferenceFailed(let why):
            sink.put(UInt64(2))
            sink.put(Numbers.of(why, in: InferenceFailure.numbered))
        case .answered(let attempt, let accepted):
            sink.put(UInt64(3))
            sink.put(UInt64(attempt))
            sink.put(accepted)
        case .failed(let attempt, let why):
            sink.put(UInt64(4))
            sink.put(UInt64(attempt))
            sink.put(Numbers.of(why, in: CallFailure.numbered))
        case .timer: sink.put(UInt64(5))
        case .cancelled: sink.put(UInt64(6))
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
