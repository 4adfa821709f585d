internal import CWire
public import Ground

/// A canopy.v1 NeighboursReply: nodes that answer as well as the one that was asked.
public struct NeighboursReply: WireMessage, Equatable {
    /// The node that answers, first, then its neighbours, those of its own site before others.
    public var neighbours: [Neighbour]

    public init(_ neighbours: [Neighbour]) { self.neighbours = neighbours }

    public static func decode(_ bytes: Bytes) throws(Fault) -> NeighboursReply {
        try unpacking(
            bytes, "canopy.v1.NeighboursReply", from: .peer,
            with: canopy__v1__neighbours_reply__unpack
        ) { (c) throws(Fault) in
            NeighboursReply(try list(c.neighbours, c.n_neighbours, Neighbour.init))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__neighbours_reply__init)
            c.pointee.n_neighbours = neighbours.count
            c.pointee.neighbours = arena.array(neighbours) { $0.packed(arena) }
            return c
        }
    }
}

/// One node that a client may use.
public struct Neighbour: Sendable, Equatable {
    public var name: String
    /// Host and port, as others dial it.
    public var address: String
    public var tier: String
    /// Empty when the topology names none.
    public var site: String
    /// Degrees north and east, or `nil` when they are not known.
    public var location: Location?
    /// Whether it is dialled by TLS.
    public var tls: Bool

    /// A point on the globe in degrees.
    public struct Location: Sendable, Equatable {
        public var latitude: Double
        public var longitude: Double

        public init(latitude: Double, longitude: Double) {
            self.latitude = latitude
            self.longitude = longitude
        }
    }

    public init(
        name: String, address: String, tier: String, site: String = "", location: Location? = nil,
        tls: Bool
    ) {
        self.name = name
        self.address = address
        self.tier = tier
        self.site = site
        self.location = location
        self.tls = tls
    }

    init(_ c: Canopy__V1__Neighbour) throws(Fault) {
        self.init(
            name: try text(c.name, "name", .peer), address: try text(c.address, "address", .peer),
            tier: try text(c.tier, "tier", .peer), site: try text(c.site, "site", .peer),
            location: c.has_location == 0
                ? nil : Location(latitude: c.latitude, longitude: c.longitude),
            tls: c.tls != 0)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__Neighbour>? {
        let c = arena.make(canopy__v1__neighbour__init)
        c.pointee.name = arena.text(name)
        c.pointee.address = arena.text(address)
        c.pointee.tier = arena.text(tier)
        c.pointee.site = arena.text(site)
        c.pointee.has_location = location == nil ? 0 : 1
        c.pointee.latitude = location?.latitude ?? 0
        c.pointee.longitude = location?.longitude ?? 0
        c.pointee.tls = tls ? 1 : 0
        return c
    }
}
