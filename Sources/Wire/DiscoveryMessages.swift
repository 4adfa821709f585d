internal import CWire
public import Ground

/// A canopy.v1 NeighboursRequest.
public struct NeighboursRequest: WireMessage, Equatable {
    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> NeighboursRequest {
        try unpacking(
            bytes, "canopy.v1.NeighboursRequest", from: .client,
            with: canopy__v1__neighbours_request__unpack
        ) { _ in NeighboursRequest() }
    }

    public func encode() -> [Bytes] {
        packing { $0.make(canopy__v1__neighbours_request__init) }
    }
}

/// One node that a client may use.
public struct Neighbour: Sendable, Equatable {
    /// Degrees north and east.
    public struct Location: Sendable, Equatable {
        public var latitude: Double
        public var longitude: Double

        public init(latitude: Double, longitude: Double) {
            self.latitude = latitude
            self.longitude = longitude
        }
    }

    /// The node's name, as its certificate states it.
    public var name: String
    /// Where clients dial it, as `host:port`.
    public var address: String
    /// `leaf`, `regional` or `cloud`.
    public var tier: String
    /// Empty where no site is stated.
    public var site: String
    /// `nil` where nobody located it.
    public var location: Location?
    /// Whether it is dialled with TLS.
    public var tls: Bool

    public init(
        name: String, address: String, tier: String, site: String = "",
        location: Location? = nil, tls: Bool
    ) {
        self.name = name
        self.address = address
        self.tier = tier
        self.site = site
        self.location = location
        self.tls = tls
    }
}

/// A canopy.v1 NeighboursResponse: the node that answers, and those that its clients may use
/// instead.
public struct NeighboursResponse: WireMessage, Equatable {
    public var neighbours: [Neighbour]

    public init(_ neighbours: [Neighbour]) { self.neighbours = neighbours }

    public static func decode(_ bytes: Bytes) throws(Fault) -> NeighboursResponse {
        try unpacking(
            bytes, "canopy.v1.NeighboursResponse", from: .peer,
            with: canopy__v1__neighbours_response__unpack
        ) { (c) throws(Fault) in
            guard c.n_neighbours <= WireLimits.list else {
                throw excess(.peer, "neighbours", c.n_neighbours, WireLimits.list)
            }
            return NeighboursResponse(
                try list(c.neighbours, c.n_neighbours) { (c) throws(Fault) in
                    Neighbour(
                        name: try text(c.name, "name", .peer),
                        address: try text(c.address, "address", .peer),
                        tier: try text(c.tier, "tier", .peer),
                        site: try text(c.site, "site", .peer),
                        location: c.located != 0
                            ? Neighbour.Location(latitude: c.latitude, longitude: c.longitude)
                            : nil,
                        tls: c.tls != 0)
                })
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__neighbours_response__init)
            c.pointee.n_neighbours = neighbours.count
            c.pointee.neighbours = arena.array(neighbours) { node in
                let c: UnsafeMutablePointer<Canopy__V1__Neighbour>? =
                    arena.make(canopy__v1__neighbour__init)
                c!.pointee.name = arena.text(node.name)
                c!.pointee.address = arena.text(node.address)
                c!.pointee.tier = arena.text(node.tier)
                c!.pointee.site = arena.text(node.site)
                c!.pointee.located = node.location == nil ? 0 : 1
                c!.pointee.latitude = node.location?.latitude ?? 0
                c!.pointee.longitude = node.location?.longitude ?? 0
                c!.pointee.tls = node.tls ? 1 : 0
                return c
            }
            return c
        }
    }
}
