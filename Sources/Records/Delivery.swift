public import Ground

/// One record of an origin, as it arrives.
public struct Owed: Equatable, Sendable {
    public var sequence: UInt64
    /// When the node wrote it down, by its own clock.
    public var at: WallTime
    /// Hybrid logical time at the node.
    public var clock: UInt64
    public var body: Body

    public enum Body: Equatable, Sendable {
        /// What was answered about one frame.
        case result(Answer)
        /// A frame that was owed an answer, and what became of it.
        case escalation(Escalation)
        /// What the answer to a request of this origin should have been.
        case label(request: String, task: String, TrueLabel)
        /// Telemetry, an alert or an audit entry: kept as it came.
        case note([UInt8])
        /// Nothing has this sequence nor those after it up to `through`: what stood there is lost.
        case gap(through: UInt64, reason: String)
    }

    public init(sequence: UInt64, at: WallTime, clock: UInt64, _ body: Body) {
        self.sequence = sequence
        self.at = at
        self.clock = clock
        self.body = body
    }

    /// The last sequence that it stands for.
    public var last: UInt64 {
        if case .gap(let through, _) = body { through } else { sequence }
    }
}

/// A frame that a node could not send when it came.
public struct Escalation: Equatable, Sendable {
    /// Under which its client asks for the answer.
    public var receipt: String
    /// What the client was told meanwhile. It names the frame; it is recorded by the node's queue
    /// of results, not here, so that nothing counts twice.
    public var meanwhile: Answer
    /// What was answered here; `nil` when nobody could.
    public var answer: Answer?
    /// The request as it came: what a payload file holds. `nil` when it must not be kept.
    public var payload: [UInt8]?
    /// What the sender is told, now and whenever the batch comes again.
    public var settlement: Settlement.Outcome

    public init(
        receipt: String, meanwhile: Answer, answer: Answer?, payload: [UInt8]?,
        settlement: Settlement.Outcome
    ) {
        self.receipt = receipt
        self.meanwhile = meanwhile
        self.answer = answer
        self.payload = payload
        self.settlement = settlement
    }
}

/// What became of an owed escalation.
public struct Settlement: Equatable, Sendable {
    public enum Outcome: Equatable, Sendable {
        /// A serialized ModelInferResponse.
        case answered([UInt8])
        /// Why there is none and will be none.
        case failed(String)
    }

    public var sequence: UInt64
    public var outcome: Outcome

    public init(sequence: UInt64, _ outcome: Outcome) {
        self.sequence = sequence
        self.outcome = outcome
    }
}

/// A batch that was checked: its records are contiguous from `first` to `last`, a gap counting for
/// all that it stands for, and every text in it is bounded.
public struct Delivery: Sendable {
    /// Records of one batch. Senders make them of 512; memory for more would be the hub's problem.
    public static let recordLimit = 4096
    /// Bytes of a name, a label, a reason: what a topology allows is shorter.
    public static let textLimit = 512
    /// The highest sequence and clock: SQLite and PostgreSQL have 63 bits for them.
    public static let sequenceLimit = UInt64(Int64.max)

    public let origin: Origin
    public let first: UInt64
    public let last: UInt64
    public let records: [Owed]

    /// Checks a batch.
    ///
    /// - Throws: `corrupt`, naming the origin and what is wrong: sending it again cannot help.
    public init(
        origin: Origin, first: UInt64, last: UInt64, records: [Owed]
    ) throws(Fault) {
        self.origin = origin
        self.first = first
        self.last = last
        self.records = records
        try checkRange()
        for name in [origin.site, origin.node] { try check(name, "the name of a site or node") }
        for record in records { try check(record) }
    }

    private func checkRange() throws(Fault) {
        guard first >= 1, first <= last, last <= Self.sequenceLimit else {
            throw wrong("it states the sequences \(first) to \(last)")
        }
        guard records.count <= Self.recordLimit else {
            throw wrong("it has \(records.count) records, at most \(Self.recordLimit) are taken")
        }
        var next = first
        for record in records {
            guard record.sequence == next, record.last >= record.sequence, record.last <= last
            else {
                throw wrong("record \(record.sequence) stands where \(next) was expected")
            }
            next = record.last + 1
        }
        guard next == last + 1 else { throw wrong("it ends at \(next - 1) instead of \(last)") }
    }

    private func check(_ record: Owed) throws(Fault) {
        guard record.clock <= Self.sequenceLimit else {
            throw wrong("record \(record.sequence) has the clock \(record.clock)")
        }
        switch record.body {
        case .result(let answer):
            guard origin.queue == .result else { throw misplaced(record, "a result") }
            try check(answer, of: record)
        case .escalation(let escalation):
            guard origin.queue == .escalation else { throw misplaced(record, "an escalation") }
            try check(escalation.receipt, "a receipt")
            try check(escalation.meanwhile, of: record)
            if let answer = escalation.answer { try check(answer, of: record) }
        case .label(let request, let task, let label):
            guard origin.queue == .result else { throw misplaced(record, "a label") }
            for text in [request, task, label.label, label.who] {
                try check(text, "a text of label \(record.sequence)")
            }
        case .note:
            guard origin.queue != .result, origin.queue != .escalation else {
                throw misplaced(record, "neither answer nor frame")
            }
        case .gap(_, let reason): try check(reason, "the reason of a gap")
        }
    }

    private func check(_ answer: Answer, of record: Owed) throws(Fault) {
        for text in [
            answer.task, answer.frame?.stream ?? "", answer.node, answer.label, answer.degraded,
            answer.request,
        ] { try check(text, "a text of record \(record.sequence)") }
        guard answer.input.count <= 32, answer.trace.count <= 16 else {
            throw wrong("record \(record.sequence) has too long a hash or trace id")
        }
        guard answer.confidence?.isFinite ?? true else {
            throw wrong("record \(record.sequence) has no finite confidence")
        }
        guard answer.frame != nil || !answer.input.isEmpty else {
            throw wrong("record \(record.sequence) names neither a frame nor its input's hash")
        }
    }

    private func check(_ text: String, _ what: @autoclosure () -> String) throws(Fault) {
        guard text.utf8.count <= Self.textLimit else {
            throw wrong("\(what()) has \(text.utf8.count) bytes, at most \(Self.textLimit)")
        }
    }

    private func misplaced(_ record: Owed, _ what: String) -> Fault {
        wrong("record \(record.sequence) is \(what)")
    }

    private func wrong(_ words: String) -> Fault {
        Fault(
            .corrupt, "the batch \(first)…\(last) of \(origin) is unsound: \(words)", source: .peer)
    }
}
