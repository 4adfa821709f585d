internal import CWire
public import Ground

/// A frame that is owed an answer.
public struct EscalationRecord: Sendable {
    /// Under which the client was promised the answer.
    public var receipt: String
    /// A serialized ModelInferRequest.
    public var request: Bytes
    /// What the client was told meanwhile. It is in the queue of results too, so it counts there.
    public var answer: ResultRecord?

    public init(receipt: String, request: Bytes, answer: ResultRecord?) {
        self.receipt = receipt
        self.request = request
        self.answer = answer
    }

    init(_ c: Canopy__V1__EscalationRecord) throws(Fault) {
        receipt = try text(c.receipt, "receipt", .peer)
        request = c.request.copied
        answer = if let answer = c.answer { try ResultRecord(answer.pointee) } else { nil }
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__EscalationRecord>? {
        let c = arena.make(canopy__v1__escalation_record__init)
        c.pointee.receipt = arena.text(receipt)
        c.pointee.request = arena.data(request)
        if let answer { c.pointee.answer = answer.packed(arena) }
        return c
    }
}

/// An alert that a sink has not taken yet.
public struct AlertRecord: Sendable, Equatable {
    public var id: String
    public var sink: String
    /// The alert as sinks are given it, `canopy.alert/1`.
    public var json: String

    public init(id: String, sink: String, json: String) {
        self.id = id
        self.sink = sink
        self.json = json
    }

    init(_ c: Canopy__V1__AlertRecord) throws(Fault) {
        id = try text(c.id, "id", .peer)
        sink = try text(c.sink, "sink", .peer)
        json = try text(c.json, "json", .peer)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__AlertRecord>? {
        let c = arena.make(canopy__v1__alert_record__init)
        c.pointee.id = arena.text(id)
        c.pointee.sink = arena.text(sink)
        c.pointee.json = arena.text(json)
        return c
    }
}

/// Records that are lost, and why: `overflow`, `corrupt`, …
public struct GapRecord: Sendable, Equatable {
    public var first: UInt64
    public var last: UInt64
    public var reason: String

    public init(first: UInt64, last: UInt64, reason: String) {
        self.first = first
        self.last = last
        self.reason = reason
    }

    init(_ c: Canopy__V1__GapRecord) throws(Fault) {
        first = c.first
        last = c.last
        reason = try text(c.reason, "reason", .peer)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__GapRecord>? {
        let c = arena.make(canopy__v1__gap_record__init)
        c.pointee.first = first
        c.pointee.last = last
        c.pointee.reason = arena.text(reason)
        return c
    }
}

/// What somebody did to a node.
public struct AuditRecord: Sendable, Equatable {
    public var who: String
    public var action: String
    public var subject: String
    public var words: String

    public init(who: String, action: String, subject: String, words: String) {
        self.who = who
        self.action = action
        self.subject = subject
        self.words = words
    }

    init(_ c: Canopy__V1__AuditRecord) throws(Fault) {
        who = try text(c.who, "who", .peer)
        action = try text(c.action, "action", .peer)
        subject = try text(c.subject, "subject", .peer)
        words = try text(c.words, "words", .peer)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__AuditRecord>? {
        let c = arena.make(canopy__v1__audit_record__init)
        c.pointee.who = arena.text(who)
        c.pointee.action = arena.text(action)
        c.pointee.subject = arena.text(subject)
        c.pointee.words = arena.text(words)
        return c
    }
}
