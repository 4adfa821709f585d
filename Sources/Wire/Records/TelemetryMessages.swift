internal import CWire
public import Ground

/// A canopy.v1 TelemetryQuery: of which nodes, and when. What is empty or `nil` is left open.
public struct TelemetryQuery: WireMessage, Equatable {
    /// When the minutes began; `until` is not included.
    public var from: WallTime?
    public var until: WallTime?
    public var site = ""
    public var node = ""
    public var task = ""

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> TelemetryQuery {
        try unpacking(
            bytes, "canopy.v1.TelemetryQuery", from: .client,
            with: canopy__v1__telemetry_query__unpack
        ) { (c) throws(Fault) in
            var query = TelemetryQuery()
            (query.from, query.until) = (WallTime(orNone: c.from), WallTime(orNone: c.until))
            query.site = try text(c.site, "site", .client)
            query.node = try text(c.node, "node", .client)
            query.task = try text(c.task, "task", .client)
            return query
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__telemetry_query__init)
            c.pointee.from = from?.nanoseconds ?? 0
            c.pointee.until = until?.nanoseconds ?? 0
            c.pointee.site = arena.text(site)
            c.pointee.node = arena.text(node)
            c.pointee.task = arena.text(task)
            return c
        }
    }
}

/// A canopy.v1 TelemetryReply: what nodes measured, added up.
public struct TelemetryReply: WireMessage, Equatable {
    /// One task at one node.
    public struct Series: Equatable, Sendable {
        public var site = ""
        public var node = ""
        /// Its name is the task.
        public var latency: TelemetryRecord.Latencies
        public var counts: [NamedCount] = []

        public init(
            site: String, node: String, latency: TelemetryRecord.Latencies, counts: [NamedCount]
        ) {
            (self.site, self.node) = (site, node)
            (self.latency, self.counts) = (latency, counts)
        }

        init(_ c: Canopy__V1__TelemetrySeries) throws(Fault) {
            guard let sketch = c.latency else { throw refusal(.peer, "a series without sketch") }
            site = try text(c.site, "site", .peer)
            node = try text(c.node, "node", .peer)
            latency = try TelemetryRecord.Latencies(sketch.pointee)
            counts = try bounded(c.counts, c.n_counts, "counts", NamedCount.init)
        }

        func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__TelemetrySeries>? {
            let c = arena.make(canopy__v1__telemetry_series__init)
            c.pointee.site = arena.text(site)
            c.pointee.node = arena.text(node)
            c.pointee.latency = latency.packed(arena)
            c.pointee.n_counts = counts.count
            c.pointee.counts = arena.array(counts) { $0.owed(arena) }
            return c
        }
    }

    /// By site, node and task.
    public var series: [Series] = []
    /// Minutes that were added up.
    public var minutes = 0
    /// Whether there are more than are added up in one answer: the newest are.
    public var isCut = false
    /// Minutes that the disk has changed, and that are left out.
    public var damaged = 0

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> TelemetryReply {
        try unpacking(
            bytes, "canopy.v1.TelemetryReply", from: .peer,
            with: canopy__v1__telemetry_reply__unpack
        ) { (c) throws(Fault) in
            var reply = TelemetryReply()
            reply.series = try list(c.series, c.n_series, Series.init)
            reply.minutes = Int(clamping: c.minutes)
            reply.isCut = c.is_cut != 0
            reply.damaged = Int(clamping: c.damaged)
            return reply
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__telemetry_reply__init)
            c.pointee.n_series = series.count
            c.pointee.series = arena.array(series) { $0.packed(arena) }
            c.pointee.minutes = UInt64(clamping: minutes)
            c.pointee.is_cut = isCut ? 1 : 0
            c.pointee.damaged = UInt64(clamping: damaged)
            return c
        }
    }
}

extension WallTime {
    /// 0 says that there is none.
    init?(orNone nanoseconds: Int64) {
        guard nanoseconds != 0 else { return nil }
        self.init(nanoseconds: nanoseconds)
    }
}
