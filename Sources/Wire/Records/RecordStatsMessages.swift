internal import CWire
public import Ground

/// A canopy.v1 RecordStatsRequest.
public struct RecordStatsRequest: WireMessage, Equatable {
    /// Of which task to tell the accuracy; all when empty.
    public var task: String

    public init(task: String = "") { self.task = task }

    public static func decode(_ bytes: Bytes) throws(Fault) -> RecordStatsRequest {
        try unpacking(
            bytes, "canopy.v1.RecordStatsRequest", from: .client,
            with: canopy__v1__record_stats_request__unpack
        ) { (c) throws(Fault) in
            RecordStatsRequest(task: try text(c.task, "task", .client))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__record_stats_request__init)
            c.pointee.task = arena.text(task)
            return c
        }
    }
}

/// A canopy.v1 RecordStatsReply: how much a hub keeps, of whom, and how right the bundles were.
public struct RecordStatsReply: WireMessage, Equatable {
    public var node = ""
    /// Frames with an answer, each counted once.
    public var frames = 0
    public var answers = 0
    public var labelled = 0
    /// Labels whose records have not come.
    public var waitingLabels = 0
    public var payloads = 0
    public var payloadBytes = 0
    public var indexBytes = 0
    public var origins: [RecordOrigin] = []
    public var accuracy: [ClassAccuracy] = []

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> RecordStatsReply {
        try unpacking(
            bytes, "canopy.v1.RecordStatsReply", from: .peer,
            with: canopy__v1__record_stats_reply__unpack
        ) { (c) throws(Fault) in
            var reply = RecordStatsReply()
            reply.node = try text(c.node, "node", .peer)
            reply.frames = Int(clamping: c.frames)
            reply.answers = Int(clamping: c.answers)
            reply.labelled = Int(clamping: c.labelled)
            reply.waitingLabels = Int(clamping: c.waiting_labels)
            reply.payloads = Int(clamping: c.payloads)
            reply.payloadBytes = Int(clamping: c.payload_bytes)
            reply.indexBytes = Int(clamping: c.index_bytes)
            reply.origins = try list(c.origins, c.n_origins, RecordOrigin.init)
            reply.accuracy = try list(c.accuracy, c.n_accuracy, ClassAccuracy.init)
            return reply
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__record_stats_reply__init)
            c.pointee.node = arena.text(node)
            c.pointee.frames = UInt64(clamping: frames)
            c.pointee.answers = UInt64(clamping: answers)
            c.pointee.labelled = UInt64(clamping: labelled)
            c.pointee.waiting_labels = UInt64(clamping: waitingLabels)
            c.pointee.payloads = UInt64(clamping: payloads)
            c.pointee.payload_bytes = UInt64(clamping: payloadBytes)
            c.pointee.index_bytes = UInt64(clamping: indexBytes)
            c.pointee.n_origins = origins.count
            c.pointee.origins = arena.array(origins) { $0.packed(arena) }
            c.pointee.n_accuracy = accuracy.count
            c.pointee.accuracy = arena.array(accuracy) { $0.packed(arena) }
            return c
        }
    }
}

/// One queue of one node, as its hub knows it.
public struct RecordOrigin: Equatable, Sendable {
    public var site = ""
    public var node = ""
    public var epoch: UInt64 = 0
    public var queue = ""
    public var watermark: UInt64 = 0
    /// Records that were new, that came again, and that are lost.
    public var taken = 0
    public var duplicates = 0
    public var lost = 0
    public var heard = WallTime(nanoseconds: 0)

    public init() {}

    init(_ c: Canopy__V1__RecordOrigin) throws(Fault) {
        site = try text(c.site, "site", .peer)
        node = try text(c.node, "node", .peer)
        epoch = c.epoch
        queue = try text(c.queue, "queue", .peer)
        watermark = c.watermark
        taken = Int(clamping: c.taken)
        duplicates = Int(clamping: c.duplicates)
        lost = Int(clamping: c.lost)
        heard = WallTime(nanoseconds: c.heard)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__RecordOrigin>? {
        let c = arena.make(canopy__v1__record_origin__init)
        c.pointee.site = arena.text(site)
        c.pointee.node = arena.text(node)
        c.pointee.epoch = epoch
        c.pointee.queue = arena.text(queue)
        c.pointee.watermark = watermark
        c.pointee.taken = UInt64(clamping: taken)
        c.pointee.duplicates = UInt64(clamping: duplicates)
        c.pointee.lost = UInt64(clamping: lost)
        c.pointee.heard = heard.nanoseconds
        return c
    }
}

/// The answers of one bundle about frames of one true label.
public struct ClassAccuracy: Equatable, Sendable {
    public var task = ""
    public var bundle = ""
    public var tier = ""
    public var truth = ""
    public var right = 0
    public var total = 0

    public init() {}

    init(_ c: Canopy__V1__ClassAccuracy) throws(Fault) {
        task = try text(c.task, "task", .peer)
        bundle = try text(c.bundle, "bundle", .peer)
        tier = try text(c.tier, "tier", .peer)
        truth = try text(c.truth, "truth", .peer)
        right = Int(clamping: c.right)
        total = Int(clamping: c.total)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__ClassAccuracy>? {
        let c = arena.make(canopy__v1__class_accuracy__init)
        c.pointee.task = arena.text(task)
        c.pointee.bundle = arena.text(bundle)
        c.pointee.tier = arena.text(tier)
        c.pointee.truth = arena.text(truth)
        c.pointee.right = UInt64(clamping: right)
        c.pointee.total = UInt64(clamping: total)
        return c
    }
}
