internal import Ground
internal import Routing

extension ShardMessage {
    /// Gives the message as words: its number first, then what it carries.
    func put(into sink: inout some WordSink) {
        switch self {
        case .ended(let peer, let attempt, let outcome, let expected):
            sink.put(UInt64(1))
            sink.put(peer)
            attempt.put(into: &sink)
            sink.put(Numbers.of(outcome, in: AttemptOutcome.numbered))
            sink.put(Int(expected.nanoseconds))
        case .wantsTrial(let peer):
            sink.put(UInt64(2))
            sink.put(peer)
        case .trial(let peer, let leave):
            sink.put(UInt64(3))
            sink.put(peer)
            leave.put(into: &sink)
        case .breaker(let peer, let standing):
            sink.put(UInt64(4))
            sink.put(peer)
            sink.put(standing.epoch)
            sink.put(standing.openUntil != nil)
            sink.put(standing.openUntil?.nanoseconds ?? 0)
        case .ejected(let peer, let isOut): put(5, peer, isOut, into: &sink)
        case .draining(let peer, let isDraining): put(6, peer, isDraining, into: &sink)
        case .wants(let source, let frames):
            sink.put(UInt64(7))
            sink.put(source)
            sink.put(frames)
        case .granted(let source, let frames, let asked):
            sink.put(UInt64(8))
            sink.put(source)
            sink.put(frames)
            sink.put(asked)
        case .recall(let source, let all): put(9, source, all, into: &sink)
        case .returned(let source, let frames, let isAnswer):
            put(10, source, isAnswer, into: &sink)
            sink.put(frames)
        case .account(let task, let account):
            sink.put(UInt64(11))
            sink.put(task)
            account.put(into: &sink)
        case .lent(let task, let loan):
            sink.put(UInt64(12))
            sink.put(task)
            loan.put(into: &sink)
        case .recallTrial(let peer):
            sink.put(UInt64(13))
            sink.put(peer)
        }
    }

    private func put(_ number: UInt64, _ index: Int, _ flag: Bool, into sink: inout some WordSink) {
        sink.put(number)
        sink.put(index)
        sink.put(flag)
    }

    /// Reads what `put(into:)` wrote.
    init(reading words: inout WordReader) throws(Fault) {
        let number = try words.word()
        let index = try words.integer()
        switch number {
        case 1:
            self = .ended(
                peer: index, try CircuitBreaker.Attempt(reading: &words),
                try words.one(of: AttemptOutcome.numbered),
                expected: .nanoseconds(Int64(try words.integer())))
        case 2: self = .wantsTrial(peer: index)
        case 3: self = .trial(peer: index, try CircuitBreaker.Attempt(reading: &words))
        case 4:
            let (epoch, isOpen) = (try words.word(), try words.flag())
            let until = Instant(nanoseconds: try words.word())
            self = .breaker(
                peer: index,
                CircuitBreaker.Standing(epoch: epoch, openUntil: isOpen ? until : nil))
        case 5: self = .ejected(peer: index, try words.flag())
        case 6: self = .draining(peer: index, try words.flag())
        case 7: self = .wants(source: index, frames: try words.integer())
        case 8:
            self = .granted(
                source: index, frames: try words.integer(), asked: try words.integer())
        case 9: self = .recall(source: index, all: try words.flag())
        case 10:
            let isAnswer = try words.flag()
            self = .returned(source: index, frames: try words.integer(), isAnswer: isAnswer)
        case 11: self = .account(task: index, try BudgetAccount(reading: &words))
        case 12: self = .lent(task: index, try BudgetLoan(reading: &words))
        case 13: self = .recallTrial(peer: index)
        default: throw words.fault("there is no message \(number)")
        }
    }
}

extension CircuitBreaker.Attempt {
    func put(into sink: inout some WordSink) {
        sink.put(epoch)
        sink.put(start.nanoseconds)
        sink.put(isProbe)
    }

    init(reading words: inout WordReader) throws(Fault) {
        self.init(
            epoch: try words.word(), start: Instant(nanoseconds: try words.word()),
            isProbe: try words.flag())
    }
}

extension BudgetAccount {
    func put(into sink: inout some WordSink) {
        for number in [version, seen, owedFrames, owedBytes, wantedFrames, wantedBytes] {
            sink.put(number)
        }
    }

    init(reading words: inout WordReader) throws(Fault) {
        self.init(version: try words.integer())
        seen = try words.integer()
        owedFrames = try words.integer()
        owedBytes = try words.integer()
        wantedFrames = try words.integer()
        wantedBytes = try words.integer()
    }
}

extension BudgetLoan {
    func put(into sink: inout some WordSink) {
        sink.put(version)
        sink.put(frames)
        sink.put(bytes)
        sink.put(level)
    }

    init(reading words: inout WordReader) throws(Fault) {
        let (version, frames) = (try words.integer(), try words.integer())
        self.init(
            version: version, frames: frames, bytes: try words.integer(),
            level: try words.number() ?? 0)
    }
}

extension AttemptOutcome {
    static let numbered: [Self] = [
        .answered, .failed, .timedOut, .abandoned, .rejected, .throttled,
    ]
}
