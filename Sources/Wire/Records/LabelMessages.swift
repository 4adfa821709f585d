internal import CWire
public import Ground

/// A canopy.v1 LabelRequest: what an answer should have been.
public struct LabelRequest: WireMessage, Equatable {
    /// A record's id or the first of its digits; else `request` and `task` say which frame.
    public var record = ""
    public var request = ""
    public var task = ""
    public var label = ""
    /// When the label was given; `nil` is now.
    public var at: WallTime?

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> LabelRequest {
        try unpacking(
            bytes, "canopy.v1.LabelRequest", from: .client, with: canopy__v1__label_request__unpack
        ) { (c) throws(Fault) in
            var request = LabelRequest()
            request.record = try text(c.record, "record", .client)
            request.request = try text(c.request, "request", .client)
            request.task = try text(c.task, "task", .client)
            request.label = try text(c.label, "label", .client)
            request.at = c.at != 0 ? WallTime(nanoseconds: c.at) : nil
            return request
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__label_request__init)
            c.pointee.record = arena.text(record)
            c.pointee.request = arena.text(request)
            c.pointee.task = arena.text(task)
            c.pointee.label = arena.text(label)
            c.pointee.at = at?.nanoseconds ?? 0
            return c
        }
    }
}

/// A canopy.v1 LabelReply.
public struct LabelReply: WireMessage, Equatable {
    /// Whether the frame is here; if not, the label waits for it.
    public var known: Bool
    public var records: [String]

    public init(known: Bool, records: [String]) {
        self.known = known
        self.records = records
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> LabelReply {
        try unpacking(
            bytes, "canopy.v1.LabelReply", from: .peer, with: canopy__v1__label_reply__unpack
        ) { (c) throws(Fault) in
            LabelReply(
                known: c.known != 0,
                records: try texts(c.records, c.n_records, "records", .peer))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__label_reply__init)
            c.pointee.known = known ? 1 : 0
            c.pointee.n_records = records.count
            c.pointee.records = arena.array(records, arena.text)
            return c
        }
    }
}

/// A canopy.v1 ExplainRequest.
public struct ExplainRequest: WireMessage, Equatable {
    /// A record's id or the first of its digits.
    public var record: String

    public init(record: String) { self.record = record }

    public static func decode(_ bytes: Bytes) throws(Fault) -> ExplainRequest {
        try unpacking(
            bytes, "canopy.v1.ExplainRequest", from: .client,
            with: canopy__v1__explain_request__unpack
        ) { (c) throws(Fault) in
            ExplainRequest(record: try text(c.record, "record", .client))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__explain_request__init)
            c.pointee.record = arena.text(record)
            return c
        }
    }
}

/// A canopy.v1 RecordExplanation: all answers about one frame, and why one of them counts.
public struct RecordExplanation: WireMessage, Equatable {
    public var id = ""
    /// For people.
    public var lines: [String] = []
    /// The best first.
    public var answers: [StoredRecord] = []

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> RecordExplanation {
        try unpacking(
            bytes, "canopy.v1.RecordExplanation", from: .peer,
            with: canopy__v1__record_explanation__unpack
        ) { (c) throws(Fault) in
            var explanation = RecordExplanation()
            explanation.id = try text(c.id, "id", .peer)
            explanation.lines = try texts(c.lines, c.n_lines, "lines", .peer)
            explanation.answers = try list(c.answers, c.n_answers, StoredRecord.init)
            return explanation
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__record_explanation__init)
            c.pointee.id = arena.text(id)
            c.pointee.n_lines = lines.count
            c.pointee.lines = arena.array(lines, arena.text)
            c.pointee.n_answers = answers.count
            c.pointee.answers = arena.array(answers) { $0.packed(arena) }
            return c
        }
    }
}
