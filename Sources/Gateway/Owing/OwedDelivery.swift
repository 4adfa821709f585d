import Ground
import Records
import Wire

/// What became of a frame that this node inferred for another.
enum OwedOutcome: Sendable {
    case answered(InferResponse, at: WallTime)
    /// Nobody will have an answer.
    case failed(String)
}

extension OwedBatch {
    /// The batch as the store takes it: up to the first frame that has no answer yet, and never
    /// past it; `nil` when that is the first.
    ///
    /// - Parameter outcomes: of frames, by sequence.
    func delivery(_ outcomes: [UInt64: OwedOutcome]) -> Delivery? {
        let origin = Records.Origin(self.origin)
        var owed: [Owed] = []
        for record in records {
            let body: Owed.Body
            switch record.body {
            case .escalation(let frame)?:
                guard let outcome = outcomes[record.sequence] else { return whole(origin, owed) }
                body = .escalation(Escalation(frame, outcome, of: self.origin))
            case .result(let result)?: body = .result(Answer(result, of: self.origin))
            case .label(let said)?:
                body = .label(
                    request: said.request, task: said.task,
                    TrueLabel(
                        label: said.label, at: said.labelledAt,
                        who: "\(said.who) at \(self.origin.node)"))
            case .gap(let gap)?: body = .gap(through: gap.last, reason: gap.reason)
            case .telemetry?, .alert?, .audit?: body = .note(record.encode().flatMap(\.array))
            case nil: body = .gap(through: record.sequence, reason: "unknown_kind")
            }
            let one = Owed(
                sequence: record.sequence, at: record.at, clock: record.clock, body)
            owed.append(sound(one, origin))
        }
        return whole(origin, owed)
    }

    private func whole(_ origin: Records.Origin, _ owed: [Owed]) -> Delivery? {
        guard let last = owed.last?.last else { return nil }
        return try? Delivery(origin: origin, first: first, last: last, records: owed)
    }

    /// The record, or a gap where the store would refuse it.
    private func sound(_ owed: Owed, _ origin: Records.Origin) -> Owed {
        let alone = try? Delivery(
            origin: origin, first: owed.sequence, last: owed.last, records: [owed])
        if alone != nil { return owed }
        return Owed(
            sequence: owed.sequence, at: owed.at, clock: 0,
            .gap(through: max(owed.sequence, owed.last), reason: "unsound"))
    }
}

extension Escalation {
    init(_ frame: EscalationRecord, _ outcome: OwedOutcome, of origin: Wire.Origin) {
        let meanwhile = Answer(frame.answer ?? ResultRecord(), of: origin)
        var answer: Answer?
        let settlement: Records.Settlement.Outcome
        switch outcome {
        case .answered(let response, let time):
            answer = Answer(response, to: meanwhile, at: time)
            settlement = .answered(response.encode().flatMap(\.array))
        case .failed(let words): settlement = .failed(words)
        }
        self.init(
            receipt: frame.receipt, meanwhile: meanwhile, answer: answer,
            payload: frame.request.array, settlement: settlement)
    }
}

extension Wire.Settlement {
    init(_ settlement: Records.Settlement) {
        switch settlement.outcome {
        case .answered(let bytes):
            self.init(sequence: settlement.sequence, outcome: .response(Bytes(bytes)))
        case .failed(let words):
            self.init(sequence: settlement.sequence, outcome: .error(words))
        }
    }
}
