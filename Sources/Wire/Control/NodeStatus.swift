internal import CWire
public import Ground

/// A canopy.v1 NodeStatus: all that a node knows of itself and of the nodes that it calls.
public struct NodeStatus: WireMessage, Equatable {
    public var node = ""
    public var tier = ""
    /// Empty when the topology names none.
    public var site = ""
    /// Version of the program.
    public var version = ""
    public var uptime = Interval.zero
    public var loops = 0
    public var draining = false
    /// Whether every task has somebody who answers.
    public var ready = false
    /// The topology in force, and what came of reading it again.
    public var configuration = Configuration()
    /// Frames that have no last answer.
    public var frames = 0
    public var memory = Memory()
    public var tasks: [TaskStatus] = []
    public var peers: [PeerStatus] = []
    public var classes: [ClassStatus] = []
    /// Counters since the node began.
    public var counts: [NamedCount] = []

    /// Which topology a node follows.
    public struct Configuration: Sendable, Equatable {
        /// SHA-256 of its files, hexadecimal.
        public var topology = ""
        public var accepted = 0
        public var refused = 0
        /// Why what is on disk is not in force; empty when it is.
        public var refusal = ""

        public init() {}
    }

    /// Bytes that a node uses.
    public struct Memory: Sendable, Equatable {
        public var requests = 0
        public var requestLimit = 0
        public var resident = 0

        public init() {}
    }

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> NodeStatus {
        try unpacking(
            bytes, "canopy.v1.NodeStatus", from: .peer, with: canopy__v1__node_status__unpack
        ) { (c) throws(Fault) in
            var status = try NodeStatus(c)
            status.tasks = try list(c.tasks, c.n_tasks, TaskStatus.init)
            status.peers = try list(c.peers, c.n_peers, PeerStatus.init)
            status.classes = try list(c.classes, c.n_classes, ClassStatus.init)
            status.counts = try list(c.counts, c.n_counts, NamedCount.init)
            return status
        }
    }

    /// Everything but the lists.
    private init(_ c: Canopy__V1__NodeStatus) throws(Fault) {
        node = try text(c.node, "node", .peer)
        tier = try text(c.tier, "tier", .peer)
        site = try text(c.site, "site", .peer)
        version = try text(c.version, "version", .peer)
        uptime = Interval(microseconds: c.uptime_us)
        loops = Int(c.loops)
        draining = c.draining != 0
        ready = c.ready != 0
        configuration.topology = try text(c.topology, "topology", .peer)
        configuration.accepted = Int(clamping: c.reloads_accepted)
        configuration.refused = Int(clamping: c.reloads_refused)
        configuration.refusal = try text(c.reload_refusal, "reload_refusal", .peer)
        frames = Int(clamping: c.frames)
        memory.requests = Int(clamping: c.request_bytes)
        memory.requestLimit = Int(clamping: c.request_bytes_limit)
        memory.resident = Int(clamping: c.resident_bytes)
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__node_status__init)
            fill(&c.pointee, arena)
            c.pointee.n_tasks = tasks.count
            c.pointee.tasks = arena.array(tasks) { $0.packed(arena) }
            c.pointee.n_peers = peers.count
            c.pointee.peers = arena.array(peers) { $0.packed(arena) }
            c.pointee.n_classes = classes.count
            c.pointee.classes = arena.array(classes) { $0.packed(arena) }
            c.pointee.n_counts = counts.count
            c.pointee.counts = arena.array(counts) { $0.packed(arena) }
            return c
        }
    }

    private func fill(_ c: inout Canopy__V1__NodeStatus, _ arena: Arena) {
        c.node = arena.text(node)
        c.tier = arena.text(tier)
        c.site = arena.text(site)
        c.version = arena.text(version)
        c.uptime_us = uptime.microseconds
        c.loops = UInt32(clamping: loops)
        c.draining = draining ? 1 : 0
        c.ready = ready ? 1 : 0
        c.topology = arena.text(configuration.topology)
        c.reloads_accepted = UInt64(clamping: configuration.accepted)
        c.reloads_refused = UInt64(clamping: configuration.refused)
        c.reload_refusal = arena.text(configuration.refusal)
        c.frames = UInt64(clamping: frames)
        c.request_bytes = UInt64(clamping: memory.requests)
        c.request_bytes_limit = UInt64(clamping: memory.requestLimit)
        c.resident_bytes = UInt64(clamping: memory.resident)
    }
}

extension Interval {
    init(microseconds: UInt64) {
        self.init(nanoseconds: Int64(clamping: microseconds.multipliedFullWidth(by: 1000)))
    }

    /// Whole microseconds, rounded down; a negative length is none.
    var microseconds: UInt64 { UInt64(clamping: nanoseconds / 1000) }
}

extension Int64 {
    fileprivate init(clamping product: (high: UInt64, low: UInt64)) {
        self = product.high > 0 ? .max : Int64(clamping: product.low)
    }
}
