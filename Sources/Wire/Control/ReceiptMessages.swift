internal import CWire
public import Ground

/// What became of a promise to answer a frame.
public enum ReceiptState: String, CaseIterable, Sendable {
    /// The frame is owed its answer still.
    case open
    case settled
    /// There is no answer and there will be none.
    case failed
}

/// A canopy.v1 ReceiptsQuery: which receipts somebody wants to see.
public struct ReceiptsQuery: WireMessage, Equatable {
    /// Only this one, in any state; all when empty.
    public var receipt: String
    /// `nil` is every state.
    public var state: ReceiptState?
    /// `next` of the page before; 0 begins with the newest.
    public var before: UInt64
    /// Receipts of a page; 0 leaves it to the node.
    public var limit: Int

    public init(
        receipt: String = "", state: ReceiptState? = nil, before: UInt64 = 0, limit: Int = 0
    ) {
        self.receipt = receipt
        self.state = state
        self.before = before
        self.limit = limit
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> ReceiptsQuery {
        try unpacking(
            bytes, "canopy.v1.ReceiptsQuery", from: .client,
            with: canopy__v1__receipts_query__unpack
        ) { (c) throws(Fault) in
            ReceiptsQuery(
                receipt: try text(c.receipt, "receipt", .client),
                state: try ReceiptState.word(text(c.state, "state", .client)),
                before: c.before, limit: Int(c.limit))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__receipts_query__init)
            c.pointee.receipt = arena.text(receipt)
            c.pointee.state = arena.text(state?.rawValue ?? "")
            c.pointee.before = before
            c.pointee.limit = UInt32(clamping: limit)
            return c
        }
    }
}

extension ReceiptState {
    fileprivate static func word(_ word: String) throws(Fault) -> ReceiptState? {
        if word.isEmpty { return nil }
        if let state = ReceiptState(rawValue: word) { return state }
        throw Fault(
            .invalid, "a receipt cannot be “\(word.prefix(60))”", source: .client,
            remedy: "say \(allCases.map(\.rawValue).joined(separator: ", ")), or nothing")
    }
}

/// A canopy.v1 ReceiptsPage: some of the receipts that a node holds.
public struct ReceiptsPage: WireMessage, Equatable {
    public var node = ""
    /// Newest first.
    public var receipts: [ReceiptStatus] = []
    /// Where the next page begins; 0 when this is the last.
    public var next: UInt64 = 0
    /// How many the node holds in each state.
    public var open = 0
    public var settled = 0
    public var failed = 0

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> ReceiptsPage {
        try unpacking(
            bytes, "canopy.v1.ReceiptsPage", from: .peer, with: canopy__v1__receipts_page__unpack
        ) { (c) throws(Fault) in
            var page = ReceiptsPage()
            page.node = try text(c.node, "node", .peer)
            page.receipts = try list(c.receipts, c.n_receipts, ReceiptStatus.init)
            page.next = c.next
            page.open = Int(clamping: c.open)
            page.settled = Int(clamping: c.settled)
            page.failed = Int(clamping: c.failed)
            return page
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__receipts_page__init)
            c.pointee.node = arena.text(node)
            c.pointee.n_receipts = receipts.count
            c.pointee.receipts = arena.array(receipts) { $0.packed(arena) }
            c.pointee.next = next
            c.pointee.open = UInt64(clamping: open)
            c.pointee.settled = UInt64(clamping: settled)
            c.pointee.failed = UInt64(clamping: failed)
            return c
        }
    }
}

/// One receipt: what was promised, and what became of it.
public struct ReceiptStatus: Sendable, Equatable {
    public var receipt = ""
    public var state = ReceiptState.open
    public var task = ""
    /// The `id` of the client's request.
    public var request = ""
    /// When the frame was promised an answer; `nil` of a receipt of an earlier version.
    public var promisedAt: WallTime?
    /// When it had one, or when there was none to be had.
    public var endedAt: WallTime?
    /// What the answer says, when it is settled.
    public var label = ""
    public var tier = ""
    public var answeredBy = ""
    public var confidence: Double?
    /// Why there will be no answer, when it failed.
    public var error = ""

    public init() {}

    init(_ c: Canopy__V1__ReceiptStatus) throws(Fault) {
        receipt = try text(c.receipt, "receipt", .peer)
        state = try ReceiptState.word(text(c.state, "state", .peer)) ?? .open
        task = try text(c.task, "task", .peer)
        request = try text(c.request, "request", .peer)
        promisedAt = c.promised_at == 0 ? nil : WallTime(nanoseconds: c.promised_at)
        endedAt = c.ended_at == 0 ? nil : WallTime(nanoseconds: c.ended_at)
        label = try text(c.label, "label", .peer)
        tier = try text(c.tier, "tier", .peer)
        answeredBy = try text(c.answered_by, "answered_by", .peer)
        confidence = c.has_confidence != 0 ? c.confidence : nil
        error = try text(c.error, "error", .peer)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__ReceiptStatus> {
        let c = arena.make(canopy__v1__receipt_status__init)
        c.pointee.receipt = arena.text(receipt)
        c.pointee.state = arena.text(state.rawValue)
        c.pointee.task = arena.text(task)
        c.pointee.request = arena.text(request)
        c.pointee.promised_at = promisedAt?.nanoseconds ?? 0
        c.pointee.ended_at = endedAt?.nanoseconds ?? 0
        c.pointee.label = arena.text(label)
        c.pointee.tier = arena.text(tier)
        c.pointee.answered_by = arena.text(answeredBy)
        c.pointee.has_confidence = confidence == nil ? 0 : 1
        c.pointee.confidence = confidence ?? 0
        c.pointee.error = arena.text(error)
        return c
    }
}
