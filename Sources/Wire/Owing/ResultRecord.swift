internal import CWire
public import Ground

/// What a client was told of one frame, last.
public struct ResultRecord: Sendable, Equatable {
    public var task = ""
    /// Empty when the camera did not say.
    public var stream = ""
    /// The camera's number of the frame; `nil` when it did not say.
    public var sequence: UInt64?
    /// The first 16 bytes of the SHA-256 of the inputs; empty when they were not hashed.
    public var inputHash: [UInt8] = []
    /// Who answered: `leaf`, `regional` or `cloud`; empty when nobody did.
    public var tier = ""
    /// 1 is the leaf, 0 nobody.
    public var tierRank = 0
    public var node = ""
    public var bundle = ""
    public var label = ""
    /// Calibrated, 0…1; `nil` for answers that carry none.
    public var confidence: Double?
    public var accepted = false
    /// Why the answer is less than the task wants; empty when it is not.
    public var degraded = ""
    /// Whether the bundle was approved for the node when it answered.
    public var approved = false
    /// `nil` when the camera did not say.
    public var capturedAt: WallTime?
    public var answeredAt = WallTime(nanoseconds: 0)
    /// From the frame's arrival to its answer, in whole microseconds on the wire.
    public var latency = Interval.zero
    /// 16 bytes, or none.
    public var trace: [UInt8] = []
    /// The `id` of the request.
    public var request = ""

    /// Bytes of one record on the wire, at most: texts are cut so that it holds.
    public static let most = 1024
    /// Bytes of each of the eight texts, at most: with 200 bytes for the rest they stay below
    /// `most`.
    static let longestText = 100

    public init() {}

    init(_ c: Canopy__V1__ResultRecord) throws(Fault) {
        task = try text(c.task, "task", .peer)
        stream = try text(c.stream, "stream", .peer)
        sequence = c.numbered != 0 ? c.sequence : nil
        inputHash = c.input_hash.array
        tier = try text(c.tier, "tier", .peer)
        tierRank = Int(c.tier_rank)
        node = try text(c.node, "node", .peer)
        bundle = try text(c.bundle, "bundle", .peer)
        label = try text(c.label, "label", .peer)
        confidence = c.has_confidence != 0 ? c.confidence : nil
        accepted = c.accepted != 0
        degraded = try text(c.degraded, "degraded", .peer)
        approved = c.approved != 0
        capturedAt = c.captured_at == 0 ? nil : WallTime(nanoseconds: c.captured_at)
        answeredAt = WallTime(nanoseconds: c.answered_at)
        latency = Interval(microseconds: c.latency_us)
        trace = c.trace.array
        request = try text(c.request, "request", .peer)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__ResultRecord>? {
        let c = arena.make(canopy__v1__result_record__init)
        fill(&c.pointee, arena)
        c.pointee.numbered = sequence == nil ? 0 : 1
        c.pointee.sequence = sequence ?? 0
        c.pointee.has_confidence = confidence == nil ? 0 : 1
        c.pointee.confidence = confidence ?? 0
        c.pointee.accepted = accepted ? 1 : 0
        c.pointee.approved = approved ? 1 : 0
        c.pointee.captured_at = capturedAt?.nanoseconds ?? 0
        c.pointee.answered_at = answeredAt.nanoseconds
        c.pointee.latency_us = latency.microseconds
        return c
    }

    private func fill(_ c: inout Canopy__V1__ResultRecord, _ arena: Arena) {
        c.task = arena.text(Self.cut(task))
        c.stream = arena.text(Self.cut(stream))
        c.input_hash = arena.data(inputHash)
        c.tier = arena.text(Self.cut(tier))
        c.tier_rank = UInt32(clamping: tierRank)
        c.node = arena.text(Self.cut(node))
        c.bundle = arena.text(Self.cut(bundle))
        c.label = arena.text(Self.cut(label))
        c.degraded = arena.text(Self.cut(degraded))
        c.trace = arena.data(trace)
        c.request = arena.text(Self.cut(request))
    }

    /// As much of a text as fits, in whole characters.
    public static func cut(_ text: String) -> String {
        guard text.utf8.count > longestText else { return text }
        var kept = ""
        var bytes = 0
        for scalar in text.unicodeScalars {
            bytes += UTF8.width(scalar)
            if bytes > longestText { break }
            kept.unicodeScalars.append(scalar)
        }
        return kept
    }
}
