internal import CWire
public import Ground

/// How much of one queue waits.
public struct QueueDepth: Sendable, Equatable {
    public var queue: OwedQueue
    /// The oldest sequence that is not settled.
    public var first: UInt64
    /// The next sequence to be given.
    public var next: UInt64
    public var records: UInt64
    public var bytes: UInt64
    /// Records dropped since the folder was made; each stands in a gap.
    public var dropped: UInt64

    public init(
        queue: OwedQueue, first: UInt64 = 1, next: UInt64 = 1, records: UInt64 = 0,
        bytes: UInt64 = 0, dropped: UInt64 = 0
    ) {
        self.queue = queue
        self.first = first
        self.next = next
        self.records = records
        self.bytes = bytes
        self.dropped = dropped
    }

    init(_ c: Canopy__V1__QueueDepth) throws(Fault) {
        queue = try OwedQueue(c.queue)
        (first, next, records) = (c.first, c.next, c.records)
        (bytes, dropped) = (c.bytes, c.dropped)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__QueueDepth>? {
        let c = arena.make(canopy__v1__queue_depth__init)
        c.pointee.queue = queue.c
        (c.pointee.first, c.pointee.next, c.pointee.records) = (first, next, records)
        (c.pointee.bytes, c.pointee.dropped) = (bytes, dropped)
        return c
    }
}

/// Something that was wrong with a node for a time.
public struct Incident: Sendable, Equatable {
    /// As operator alerts name it: `breaker-open`, `shedding`, …; `disconnected` is the way up's.
    public var kind: String
    public var subject: String
    public var began: WallTime
    /// `nil` while it lasts.
    public var ended: WallTime?
    public var words: String

    public init(
        kind: String, subject: String, began: WallTime, ended: WallTime? = nil, words: String
    ) {
        self.kind = kind
        self.subject = subject
        self.began = began
        self.ended = ended
        self.words = words
    }

    init(_ c: Canopy__V1__Incident) throws(Fault) {
        kind = try text(c.kind, "kind", .peer)
        subject = try text(c.subject, "subject", .peer)
        began = WallTime(nanoseconds: c.began)
        ended = c.ended == 0 ? nil : WallTime(nanoseconds: c.ended)
        words = try text(c.words, "words", .peer)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__Incident>? {
        let c = arena.make(canopy__v1__incident__init)
        c.pointee.kind = arena.text(kind)
        c.pointee.subject = arena.text(subject)
        c.pointee.began = began.nanoseconds
        c.pointee.ended = ended?.nanoseconds ?? 0
        c.pointee.words = arena.text(words)
        return c
    }
}

/// A canopy.v1 NodeReport: the first thing that a node says when it reaches the one above it again.
public struct NodeReport: WireMessage, Equatable {
    /// Empty where the topology states none.
    public var site = ""
    /// The node's name, as its certificate states it.
    public var node = ""
    public var epoch: UInt64 = 0
    /// Version of the program.
    public var version = ""
    public var at = WallTime(nanoseconds: 0)
    public var uptime = Interval.zero
    /// Whether every task has somebody who answers.
    public var ready = false
    public var incidents: [Incident] = []
    public var depths: [QueueDepth] = []
    /// SHA-256 of the topology that is in force, hexadecimal.
    public var topology = ""

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> NodeReport {
        try unpacking(
            bytes, "canopy.v1.NodeReport", from: .peer, with: canopy__v1__node_report__unpack,
            NodeReport.init)
    }

    init(_ c: Canopy__V1__NodeReport) throws(Fault) {
        site = try text(c.site, "site", .peer)
        node = try text(c.node, "node", .peer)
        epoch = c.epoch
        version = try text(c.version, "version", .peer)
        at = WallTime(nanoseconds: c.at)
        uptime = Interval(microseconds: c.uptime_us)
        ready = c.ready != 0
        incidents = try bounded(c.incidents, c.n_incidents, "incidents", Incident.init)
        depths = try bounded(c.depths, c.n_depths, "depths", QueueDepth.init)
        topology = try text(c.topology, "topology", .peer)
    }

    public func encode() -> [Bytes] { packing { packed($0)! } }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__NodeReport>? {
        let c = arena.make(canopy__v1__node_report__init)
        c.pointee.site = arena.text(site)
        c.pointee.node = arena.text(node)
        c.pointee.epoch = epoch
        c.pointee.version = arena.text(version)
        c.pointee.at = at.nanoseconds
        c.pointee.uptime_us = uptime.microseconds
        c.pointee.ready = ready ? 1 : 0
        c.pointee.n_incidents = incidents.count
        c.pointee.incidents = arena.array(incidents) { $0.packed(arena) }
        c.pointee.n_depths = depths.count
        c.pointee.depths = arena.array(depths) { $0.packed(arena) }
        c.pointee.topology = arena.text(topology)
        return c
    }
}

/// A canopy.v1 NodeReportReply: what the node above has already.
public struct NodeReportReply: WireMessage, Equatable {
    /// Up to where one queue need not be sent again.
    public struct Watermark: Sendable, Equatable {
        public var queue: OwedQueue
        /// All records up to it are durable or settled.
        public var sequence: UInt64

        public init(queue: OwedQueue, sequence: UInt64) {
            self.queue = queue
            self.sequence = sequence
        }

        init(_ c: Canopy__V1__QueueWatermark) throws(Fault) {
            queue = try OwedQueue(c.queue)
            sequence = c.watermark
        }

        func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__QueueWatermark>? {
            let c = arena.make(canopy__v1__queue_watermark__init)
            c.pointee.queue = queue.c
            c.pointee.watermark = sequence
            return c
        }
    }

    public var node: String
    public var watermarks: [Watermark]
    public var at: WallTime

    public init(node: String, watermarks: [Watermark], at: WallTime) {
        self.node = node
        self.watermarks = watermarks
        self.at = at
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> NodeReportReply {
        try unpacking(
            bytes, "canopy.v1.NodeReportReply", from: .peer,
            with: canopy__v1__node_report_reply__unpack
        ) { (c) throws(Fault) in
            NodeReportReply(
                node: try text(c.node, "node", .peer),
                watermarks: try bounded(
                    c.watermarks, c.n_watermarks, "watermarks", Watermark.init),
                at: WallTime(nanoseconds: c.at))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__node_report_reply__init)
            c.pointee.node = arena.text(node)
            c.pointee.n_watermarks = watermarks.count
            c.pointee.watermarks = arena.array(watermarks) { $0.packed(arena) }
            c.pointee.at = at.nanoseconds
            return c
        }
    }
}

/// As `list`, of at most `WireLimits.list` items.
func bounded<C, S>(
    _ items: UnsafeMutablePointer<UnsafeMutablePointer<C>?>?, _ count: Int, _ what: String,
    _ read: (C) throws(Fault) -> S
) throws(Fault) -> [S] {
    guard count <= WireLimits.list else { throw excess(.peer, what, count, WireLimits.list) }
    return try list(items, count, read)
}
