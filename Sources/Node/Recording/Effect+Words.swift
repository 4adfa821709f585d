import Ground
public import Routing

extension Effect {
    /// What people call the effects, in the order of their numbers in logs.
    static let names = [
        "infer", "cancel the inference", "call", "cancel the call", "arm", "reply", "refine",
        "refuse", "compare", "forget", "alert", "probe", "note", "owe",
        "record", "tell",
    ]

    /// Gives the effect as words: its number first, then what it carries.
    public func put(into sink: inout some WordSink) {
        switch self {
        case .infer(let id): put(1, id, into: &sink)
        case .cancelInference(let id): put(2, id, into: &sink)
        case .call(let id, let call):
            put(3, id, into: &sink)
            call.put(into: &sink)
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
        case .alert(let id, let confidence):
            put(11, id, into: &sink)
            sink.put(confidence.value)
        case .owe(let id, let reason):
            put(14, id, into: &sink)
            sink.put(Numbers.of(reason, in: DegradedReason.allCases))
        case .record(let id): put(15, id, into: &sink)
        case .probe(let peer, let number, let deadline):
            sink.put(UInt64(12))
            sink.put(peer)
            sink.put(UInt64(number))
            sink.put(deadline.nanoseconds)
        case .noted(let change):
            sink.put(UInt64(13))
            change.put(into: &sink)
        case .tell(let letter):
            sink.put(UInt64(16))
            sink.put(letter.to)
            letter.message.put(into: &sink)
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
        case .nobody: sink.put(UInt64.max)
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
    static let numbered: [Self] = [
        .invalid, .deadline, .overload, .unavailable, .localOnly, .quota,
    ]
}

extension PeerCall {
    func put(into sink: inout some WordSink) {
        sink.put(peer)
        sink.put(UInt64(attempt))
        sink.put(deadline.nanoseconds)
        sink.put(Numbers.of(purpose, in: Purpose.numbered))
        sink.put(Numbers.of(reason, in: Reason.numbered))
        sink.put(isSpill)
    }
}

extension PeerCall.Reason {
    static let numbered: [Self] = [.first, .retry, .hedge]
}

extension Change {
    func put(into sink: inout some WordSink) {
        switch self {
        case .breaker(let peer, let state):
            sink.put(UInt64(1))
            sink.put(peer)
            sink.put(Numbers.of(state, in: CircuitBreaker.State.numbered))
        case .ejected(let peer, let isOut):
            sink.put(UInt64(2))
            sink.put(peer)
            sink.put(isOut)
        case .well(let peer, let isWell):
            sink.put(UInt64(3))
            sink.put(peer)
            sink.put(isWell)
        case .panic(let task, let begins):
            sink.put(UInt64(4))
            sink.put(task)
            sink.put(begins)
        case .shed(let task, let workClass):
            sink.put(UInt64(5))
            sink.put(task)
            sink.put(workClass.urgency)
        }
    }
}

extension CircuitBreaker.State {
    static let numbered: [Self] = [.closed, .open, .halfOpen]
}
