internal import CWire
public import Ground

/// What a node says of one node that it calls.
public struct PeerStatus: Sendable, Equatable {
    public var name = ""
    public var tier = ""
    public var address = ""
    /// Which group of peers it belongs to: `neighbour`, `next` or `above`.
    public var level = ""
    /// `closed`, `half-open` or `open`: of several loops the one that calls least.
    public var breaker = ""
    /// How long it stays open yet.
    public var open = Interval.zero
    /// Loops whose breaker is not closed.
    public var openLoops = 0
    /// What an operator said: `open`, `closed`, or nothing.
    public var override = ""
    /// For how long yet; zero is until further notice.
    public var overrideLeft = Interval.zero
    /// Time from a call to its answer; `nil` when none was measured.
    public var roundTrip: Interval?
    public var pending = 0
    public var calls = 0
    public var draining = false
    public var ejected = false

    public init() {}

    init(_ c: Canopy__V1__PeerStatus) throws(Fault) {
        name = try text(c.name, "name", .peer)
        tier = try text(c.tier, "tier", .peer)
        address = try text(c.address, "address", .peer)
        level = try text(c.level, "level", .peer)
        breaker = try text(c.breaker, "breaker", .peer)
        open = Interval(microseconds: c.open_us)
        openLoops = Int(c.open_loops)
        override = try text(c.override, "override", .peer)
        overrideLeft = Interval(microseconds: c.override_us)
        roundTrip = c.round_trip_us > 0 ? Interval(microseconds: c.round_trip_us) : nil
        pending = Int(clamping: c.pending)
        calls = Int(clamping: c.calls)
        draining = c.draining != 0
        ejected = c.ejected != 0
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__PeerStatus>? {
        let c = arena.make(canopy__v1__peer_status__init)
        c.pointee.name = arena.text(name)
        c.pointee.tier = arena.text(tier)
        c.pointee.address = arena.text(address)
        c.pointee.level = arena.text(level)
        c.pointee.breaker = arena.text(breaker)
        c.pointee.open_us = open.microseconds
        c.pointee.open_loops = UInt32(clamping: openLoops)
        c.pointee.override = arena.text(override)
        c.pointee.override_us = overrideLeft.microseconds
        // A measured trip of less than a microsecond is still measured.
        c.pointee.round_trip_us = roundTrip.map { max($0.microseconds, 1) } ?? 0
        c.pointee.pending = UInt64(clamping: pending)
        c.pointee.calls = UInt64(clamping: calls)
        c.pointee.draining = draining ? 1 : 0
        c.pointee.ejected = ejected ? 1 : 0
        return c
    }
}

/// How many frames of a class are admitted, and how many were not.
public struct ClassStatus: Sendable, Equatable {
    public var name = ""
    /// Percent of the node that the class is sure of.
    public var share = 0
    /// Frames that wait or run.
    public var held = 0
    public var shed = 0

    public init() {}

    init(_ c: Canopy__V1__ClassStatus) throws(Fault) {
        name = try text(c.name, "name", .peer)
        share = Int(c.share)
        held = Int(clamping: c.held)
        shed = Int(clamping: c.shed)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__ClassStatus>? {
        let c = arena.make(canopy__v1__class_status__init)
        c.pointee.name = arena.text(name)
        c.pointee.share = UInt32(clamping: share)
        c.pointee.held = UInt64(clamping: held)
        c.pointee.shed = UInt64(clamping: shed)
        return c
    }
}

/// A counter since the node began.
public struct NamedCount: Sendable, Equatable {
    public var name: String
    public var count: Int

    public init(_ name: String, _ count: Int) {
        self.name = name
        self.count = count
    }

    init(_ c: Canopy__V1__NamedCount) throws(Fault) {
        self.init(try text(c.name, "name", .peer), Int(clamping: c.count))
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__NamedCount>? {
        let c = arena.make(canopy__v1__named_count__init)
        c.pointee.name = arena.text(name)
        c.pointee.count = UInt64(clamping: count)
        return c
    }
}
