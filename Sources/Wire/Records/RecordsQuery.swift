internal import CWire
public import Ground

/// A canopy.v1 RecordsQuery: which records somebody wants to see. What is empty, zero or `nil`
/// leaves a question open.
public struct RecordsQuery: WireMessage, Equatable {
    public var from = WallTime(nanoseconds: 0)
    /// Not included.
    public var until = WallTime(nanoseconds: 0)
    public var site = ""
    /// Who answered.
    public var node = ""
    public var task = ""
    public var stream = ""
    public var label = ""
    public var tier = ""
    public var leastConfidence: Double?
    public var mostConfidence: Double?
    /// `labelled`, `unlabelled` or `wrong`.
    public var truth = ""
    /// Also the answers that another one about the same frame outranks.
    public var losers = false
    /// Only frames whose request is kept.
    public var withFrame = false
    /// `next` of the page before.
    public var after = ""
    public var limit = 0

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> RecordsQuery {
        try unpacking(
            bytes, "canopy.v1.RecordsQuery", from: .client, with: canopy__v1__records_query__unpack,
            RecordsQuery.init)
    }

    private init(_ c: Canopy__V1__RecordsQuery) throws(Fault) {
        from = WallTime(nanoseconds: c.from)
        until = WallTime(nanoseconds: c.until)
        site = try Wire.text(c.site, "site", .client)
        node = try Wire.text(c.node, "node", .client)
        task = try Wire.text(c.task, "task", .client)
        stream = try Wire.text(c.stream, "stream", .client)
        label = try Wire.text(c.label, "label", .client)
        tier = try Wire.text(c.tier, "tier", .client)
        leastConfidence = c.has_least_confidence != 0 ? c.least_confidence : nil
        mostConfidence = c.has_most_confidence != 0 ? c.most_confidence : nil
        truth = try Wire.text(c.truth, "truth", .client)
        losers = c.losers != 0
        withFrame = c.with_frame != 0
        after = try Wire.text(c.after, "after", .client)
        limit = Int(c.limit)
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__records_query__init)
            c.pointee.from = from.nanoseconds
            c.pointee.until = until.nanoseconds
            c.pointee.site = arena.text(site)
            c.pointee.node = arena.text(node)
            c.pointee.task = arena.text(task)
            c.pointee.stream = arena.text(stream)
            c.pointee.label = arena.text(label)
            c.pointee.tier = arena.text(tier)
            c.pointee.has_least_confidence = leastConfidence == nil ? 0 : 1
            c.pointee.least_confidence = leastConfidence ?? 0
            c.pointee.has_most_confidence = mostConfidence == nil ? 0 : 1
            c.pointee.most_confidence = mostConfidence ?? 0
            c.pointee.truth = arena.text(truth)
            c.pointee.losers = losers ? 1 : 0
            c.pointee.with_frame = withFrame ? 1 : 0
            c.pointee.after = arena.text(after)
            c.pointee.limit = UInt32(clamping: limit)
            return c
        }
    }
}

/// A canopy.v1 RecordsPage.
public struct RecordsPage: WireMessage, Equatable {
    /// Newest first.
    public var records: [StoredRecord] = []
    /// Where the next page begins; empty on the last.
    public var next = ""
    /// Records that the disk has changed, and that are left out.
    public var damaged = 0

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> RecordsPage {
        try unpacking(
            bytes, "canopy.v1.RecordsPage", from: .peer, with: canopy__v1__records_page__unpack
        ) { (c) throws(Fault) in
            var page = RecordsPage()
            page.records = try list(c.records, c.n_records, StoredRecord.init)
            page.next = try text(c.next, "next", .peer)
            page.damaged = Int(clamping: c.damaged)
            return page
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__records_page__init)
            c.pointee.n_records = records.count
            c.pointee.records = arena.array(records) { $0.packed(arena) }
            c.pointee.next = arena.text(next)
            c.pointee.damaged = UInt64(clamping: damaged)
            return c
        }
    }
}
