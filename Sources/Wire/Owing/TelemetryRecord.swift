internal import CWire
public import Ground

/// What happened at a node in one minute.
public struct TelemetryRecord: Sendable, Equatable {
    /// A distribution as the buckets of a sketch, which are those of `Telemetry.Sketch`.
    public struct Latencies: Sendable, Equatable {
        /// The task.
        public var name: String
        /// Buckets that are not empty, ascending, and how many values lie in each.
        public var buckets: [UInt32]
        public var counts: [UInt64]
        public var sum: UInt64
        public var least: UInt64
        public var most: UInt64

        public init(
            name: String, buckets: [UInt32], counts: [UInt64], sum: UInt64, least: UInt64,
            most: UInt64
        ) {
            self.name = name
            self.buckets = buckets
            self.counts = counts
            self.sum = sum
            self.least = least
            self.most = most
        }
    }

    public var from: WallTime
    public var until: WallTime
    /// From a frame's arrival to its answer, in nanoseconds, by task.
    public var latencies: [Latencies]
    public var counts: [NamedCount]
    /// Those that began, ended or lasted.
    public var incidents: [Incident]

    public init(
        from: WallTime, until: WallTime, latencies: [Latencies] = [], counts: [NamedCount] = [],
        incidents: [Incident] = []
    ) {
        self.from = from
        self.until = until
        self.latencies = latencies
        self.counts = counts
        self.incidents = incidents
    }

    init(_ c: Canopy__V1__TelemetryRecord) throws(Fault) {
        from = WallTime(nanoseconds: c.from)
        until = WallTime(nanoseconds: c.until)
        latencies = try bounded(c.latencies, c.n_latencies, "latencies", Latencies.init)
        counts = try bounded(c.counts, c.n_counts, "counts", NamedCount.init)
        incidents = try bounded(c.incidents, c.n_incidents, "incidents", Incident.init)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__TelemetryRecord>? {
        let c = arena.make(canopy__v1__telemetry_record__init)
        c.pointee.from = from.nanoseconds
        c.pointee.until = until.nanoseconds
        c.pointee.n_latencies = latencies.count
        c.pointee.latencies = arena.array(latencies) { $0.packed(arena) }
        c.pointee.n_counts = counts.count
        c.pointee.counts = arena.array(counts) { $0.owed(arena) }
        c.pointee.n_incidents = incidents.count
        c.pointee.incidents = arena.array(incidents) { $0.packed(arena) }
        return c
    }
}

extension NamedCount {
    init(_ c: Canopy__V1__OwedCount) throws(Fault) {
        self.init(try text(c.name, "name", .peer), Int(clamping: c.count))
    }

    func owed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__OwedCount>? {
        let c = arena.make(canopy__v1__owed_count__init)
        c.pointee.name = arena.text(name)
        c.pointee.count = UInt64(clamping: count)
        return c
    }
}

extension TelemetryRecord.Latencies {
    init(_ c: Canopy__V1__LatencySketch) throws(Fault) {
        guard c.n_buckets == c.n_counts, c.n_buckets <= WireLimits.list else {
            throw refusal(
                .peer, "a sketch of \(c.n_buckets) buckets and \(c.n_counts) counts",
                remedy: "expected as many of one as of the other, at most \(WireLimits.list)")
        }
        name = try text(c.name, "name", .peer)
        buckets = Array(UnsafeBufferPointer(start: c.buckets, count: c.n_buckets))
        counts = Array(UnsafeBufferPointer(start: c.counts, count: c.n_counts))
        (sum, least, most) = (c.sum, c.least, c.most)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__LatencySketch>? {
        let c = arena.make(canopy__v1__latency_sketch__init)
        c.pointee.name = arena.text(name)
        c.pointee.n_buckets = buckets.count
        c.pointee.buckets = arena.array(buckets) { $0 }
        c.pointee.n_counts = counts.count
        c.pointee.counts = arena.array(counts) { $0 }
        (c.pointee.sum, c.pointee.least, c.pointee.most) = (sum, least, most)
        return c
    }
}
