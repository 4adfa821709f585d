import Ground
public import Routing

extension Effect {
    /// Gives the effect as words: its number first, then what it carries.
    public func put(into sink: inout some WordSink) {
        switch self {
        case .infer(let id): put(1, id, into: &sink)
        case .cancelInference(let id): put(2, id, into: &sink)
        case .call(let id, let peer, let attempt, let deadline, let purpose):
            put(3, id, into: &sink)
            sink.put(peer)
            sink.put(UInt64(attempt))
            sink.put(deadline.nanoseconds)
            sink.put(Numbers.of(purpose, in: Purpose.numbered))
        case .cancelCall(let id, let attempt):
            put(4, id, into: &sink)
            sink.put(UInt64(attempt))
        case .arm(let id, let at):
            put(5, id, into: &sink)
            sink.put(at.nanoseconds)
        case .reply(let id, let verdict):
            put(6, id, into: &sink)
            verdict.put(into: &sink)
        case .refine(let id, let verdict):
            put(7, id, into: &sink)
            verdict.put(into: &sink)
        case .refuse(let id, let refusal):
            put(8, id, into: &sink)
            sink.put(Numbers.of(refusal, in: Refusal.numbered))
        case .compare(let id, let attempt):
            put(9, id, into: &sink)
            sink.put(UInt64(attempt))
        case .forget(let id): put(10, id, into: &sink)
        }
    }

    private func put(_ number: UInt64, _ id: FrameID, into sink: inout some WordSink) {
        sink.put(number)
        id.put(into: &sink)
    }
}

extension Verdict {
    func put(into sink: inout some WordSink) {
        switch answerer {
        case .here: sink.put(UInt64(0))
        case .peer(let attempt): sink.put(UInt64(attempt) + 1)
        }
        sink.put(accepted)
        sink.put(degraded.map { Numbers.of($0, in: DegradedReason.allCases) + 1 } ?? 0)
        sink.put(final)
    }
}

extension Purpose {
    static let numbered: [Self] = [.forward, .escalation, .audit]
}

extension Refusal {
    static let numbered: [Self] = [.invalid, .deadline, .overload, .unavailable, .localOnly]
}
