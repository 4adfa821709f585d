internal import CWire
public import Ground

/// A canopy.v1 NodesQuery: of which nodes, and which of their incidents. What is empty or `nil` is
/// left open.
public struct NodesQuery: WireMessage, Equatable {
    /// Incidents that lasted at some time in between; `until` is not included.
    public var from: WallTime?
    public var until: WallTime?
    public var site = ""
    public var node = ""

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> NodesQuery {
        try unpacking(
            bytes, "canopy.v1.NodesQuery", from: .client, with: canopy__v1__nodes_query__unpack
        ) { (c) throws(Fault) in
            var query = NodesQuery()
            (query.from, query.until) = (WallTime(orNone: c.from), WallTime(orNone: c.until))
            query.site = try text(c.site, "site", .client)
            query.node = try text(c.node, "node", .client)
            return query
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__nodes_query__init)
            c.pointee.from = from?.nanoseconds ?? 0
            c.pointee.until = until?.nanoseconds ?? 0
            c.pointee.site = arena.text(site)
            c.pointee.node = arena.text(node)
            return c
        }
    }
}

/// A canopy.v1 NodesReply: what a hub knows of the nodes below it.
public struct NodesReply: WireMessage, Equatable {
    public struct Known: Equatable, Sendable {
        /// What it said of itself last, without incidents.
        public var report: NodeReport
        /// When it did.
        public var heard: WallTime
        /// Oldest first.
        public var incidents: [Incident]

        public init(report: NodeReport, heard: WallTime, incidents: [Incident]) {
            self.report = report
            self.heard = heard
            self.incidents = incidents
        }

        init(_ c: Canopy__V1__KnownNode) throws(Fault) {
            guard let said = c.report else { throw refusal(.peer, "a node without its report") }
            report = try NodeReport(said.pointee)
            heard = WallTime(nanoseconds: c.heard)
            incidents = try bounded(c.incidents, c.n_incidents, "incidents", Incident.init)
        }

        func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__KnownNode>? {
            let c = arena.make(canopy__v1__known_node__init)
            c.pointee.report = report.packed(arena)
            c.pointee.heard = heard.nanoseconds
            c.pointee.n_incidents = incidents.count
            c.pointee.incidents = arena.array(incidents) { $0.packed(arena) }
            return c
        }
    }

    /// By site and name.
    public var nodes: [Known]

    public init(nodes: [Known]) { self.nodes = nodes }

    public static func decode(_ bytes: Bytes) throws(Fault) -> NodesReply {
        try unpacking(
            bytes, "canopy.v1.NodesReply", from: .peer, with: canopy__v1__nodes_reply__unpack
        ) { (c) throws(Fault) in NodesReply(nodes: try list(c.nodes, c.n_nodes, Known.init)) }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__nodes_reply__init)
            c.pointee.n_nodes = nodes.count
            c.pointee.nodes = arena.array(nodes) { $0.packed(arena) }
            return c
        }
    }
}
