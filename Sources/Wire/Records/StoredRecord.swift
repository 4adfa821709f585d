internal import CWire
public import Ground

/// A canopy.v1 StoredRecord: one answer as a hub keeps it.
public struct StoredRecord: Equatable, Sendable {
    /// The same for all answers about one frame, hexadecimal.
    public var id = ""
    /// Whether it is the best answer about its frame.
    public var won = false
    public var site = ""
    public var task = ""
    public var stream = ""
    /// The camera's number of the frame; `nil` when the camera gave none.
    public var sequence: UInt64?
    /// Empty when nobody answered.
    public var tier = ""
    /// Who answered.
    public var node = ""
    public var bundle = ""
    public var label = ""
    public var confidence: Double?
    public var accepted = false
    public var degraded = ""
    public var approved = false
    /// `nil` when the camera did not say.
    public var capturedAt: WallTime?
    public var answeredAt = WallTime(nanoseconds: 0)
    public var receivedAt = WallTime(nanoseconds: 0)
    public var latency = Interval.zero
    /// Hexadecimal.
    public var trace = ""
    public var request = ""
    /// What the answer should have been, where somebody said so.
    public var truth: String?
    /// Digest of the frame's request, where it is kept.
    public var frame = ""
    /// Which node sent it, in which of its queues, as which record.
    public var sender = ""
    public var queue = ""
    public var record: UInt64 = 0
    public var clock: UInt64 = 0

    public init() {}

    init(_ c: Canopy__V1__StoredRecord) throws(Fault) {
        id = try text(c.id, "id", .peer)
        won = c.won != 0
        site = try text(c.site, "site", .peer)
        task = try text(c.task, "task", .peer)
        stream = try text(c.stream, "stream", .peer)
        sequence = c.numbered != 0 ? c.sequence : nil
        tier = try text(c.tier, "tier", .peer)
        node = try text(c.node, "node", .peer)
        bundle = try text(c.bundle, "bundle", .peer)
        label = try text(c.label, "label", .peer)
        confidence = c.has_confidence != 0 ? c.confidence : nil
        accepted = c.accepted != 0
        degraded = try text(c.degraded, "degraded", .peer)
        approved = c.approved != 0
        capturedAt = c.captured_at != 0 ? WallTime(nanoseconds: c.captured_at) : nil
        answeredAt = WallTime(nanoseconds: c.answered_at)
        receivedAt = WallTime(nanoseconds: c.received_at)
        latency = Interval(microseconds: c.latency_us)
        trace = try text(c.trace, "trace", .peer)
        request = try text(c.request, "request", .peer)
        truth = c.has_truth != 0 ? try text(c.truth, "truth", .peer) : nil
        frame = try text(c.frame, "frame", .peer)
        sender = try text(c.sender, "sender", .peer)
        queue = try text(c.queue, "queue", .peer)
        record = c.record
        clock = c.clock
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__StoredRecord>? {
        let c = arena.make(canopy__v1__stored_record__init)
        fill(&c.pointee, arena)
        fillAnswer(&c.pointee, arena)
        return c
    }

    private func fill(_ c: inout Canopy__V1__StoredRecord, _ arena: Arena) {
        c.id = arena.text(id)
        c.won = won ? 1 : 0
        c.site = arena.text(site)
        c.task = arena.text(task)
        c.stream = arena.text(stream)
        c.sequence = sequence ?? 0
        c.numbered = sequence == nil ? 0 : 1
        c.received_at = receivedAt.nanoseconds
        c.trace = arena.text(trace)
        c.request = arena.text(request)
        c.has_truth = truth == nil ? 0 : 1
        c.truth = arena.text(truth ?? "")
        c.frame = arena.text(frame)
        c.sender = arena.text(sender)
        c.queue = arena.text(queue)
        c.record = record
        c.clock = clock
    }

    private func fillAnswer(_ c: inout Canopy__V1__StoredRecord, _ arena: Arena) {
        c.tier = arena.text(tier)
        c.node = arena.text(node)
        c.bundle = arena.text(bundle)
        c.label = arena.text(label)
        c.has_confidence = confidence == nil ? 0 : 1
        c.confidence = confidence ?? 0
        c.accepted = accepted ? 1 : 0
        c.degraded = arena.text(degraded)
        c.approved = approved ? 1 : 0
        c.captured_at = capturedAt?.nanoseconds ?? 0
        c.answered_at = answeredAt.nanoseconds
        c.latency_us = latency.microseconds
    }
}
