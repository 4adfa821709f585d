internal import CWire
public import Ground

/// A canopy.v1 request that says nothing but which method is called.
public struct EmptyRequest: WireMessage, Equatable {
    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> EmptyRequest {
        // Every such message has the same form; fields of later versions are passed over.
        try unpacking(
            bytes, "empty canopy.v1 request", from: .client,
            with: canopy__v1__status_request__unpack
        ) { _ in EmptyRequest() }
    }

    public func encode() -> [Bytes] {
        packing { arena in arena.make(canopy__v1__status_request__init) }
    }
}

/// A canopy.v1 DrainReply.
public struct DrainReply: WireMessage, Equatable {
    public var node = ""
    public var draining = false
    /// Whether it was otherwise before.
    public var changed = false
    /// Frames that have no last answer yet.
    public var frames = 0

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> DrainReply {
        try unpacking(
            bytes, "canopy.v1.DrainReply", from: .peer, with: canopy__v1__drain_reply__unpack
        ) { (c) throws(Fault) in
            var reply = DrainReply()
            reply.node = try text(c.node, "node", .peer)
            reply.draining = c.draining != 0
            reply.changed = c.changed != 0
            reply.frames = Int(clamping: c.frames)
            return reply
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__drain_reply__init)
            c.pointee.node = arena.text(node)
            c.pointee.draining = draining ? 1 : 0
            c.pointee.changed = changed ? 1 : 0
            c.pointee.frames = UInt64(clamping: frames)
            return c
        }
    }
}

/// A canopy.v1 BreakerOverride: an operator's word about one peer.
public struct BreakerOverride: WireMessage, Equatable {
    public var peer: String
    /// `open`, `closed`, or `auto`, which ends an override.
    public var state: String
    /// For how long; zero is until further notice.
    public var duration: Interval

    public init(peer: String, state: String, duration: Interval = .zero) {
        self.peer = peer
        self.state = state
        self.duration = duration
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> BreakerOverride {
        try unpacking(
            bytes, "canopy.v1.BreakerOverride", from: .client,
            with: canopy__v1__breaker_override__unpack
        ) { (c) throws(Fault) in
            BreakerOverride(
                peer: try text(c.peer, "peer", .client), state: try text(c.state, "state", .client),
                duration: Interval(microseconds: c.for_us))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__breaker_override__init)
            c.pointee.peer = arena.text(peer)
            c.pointee.state = arena.text(state)
            c.pointee.for_us = duration.microseconds
            return c
        }
    }
}

/// A canopy.v1 BreakerOverrideReply: what is in force now.
public struct BreakerOverrideReply: WireMessage, Equatable {
    public var node: String
    public var peer: String
    public var state: String

    public init(node: String, peer: String, state: String) {
        self.node = node
        self.peer = peer
        self.state = state
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> BreakerOverrideReply {
        try unpacking(
            bytes, "canopy.v1.BreakerOverrideReply", from: .peer,
            with: canopy__v1__breaker_override_reply__unpack
        ) { (c) throws(Fault) in
            BreakerOverrideReply(
                node: try text(c.node, "node", .peer), peer: try text(c.peer, "peer", .peer),
                state: try text(c.state, "state", .peer))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__breaker_override_reply__init)
            c.pointee.node = arena.text(node)
            c.pointee.peer = arena.text(peer)
            c.pointee.state = arena.text(state)
            return c
        }
    }
}

/// A canopy.v1 ReloadReply.
public struct ReloadReply: WireMessage, Equatable {
    public var node = ""
    /// `accepted`, `unchanged` or `refused`.
    public var outcome = ""
    /// What has changed, or what is wrong, one line each.
    public var lines: [String] = []
    /// SHA-256 of the topology that is in force, hexadecimal.
    public var topology = ""

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> ReloadReply {
        try unpacking(
            bytes, "canopy.v1.ReloadReply", from: .peer, with: canopy__v1__reload_reply__unpack
        ) { (c) throws(Fault) in
            var reply = ReloadReply()
            reply.node = try text(c.node, "node", .peer)
            reply.outcome = try text(c.outcome, "outcome", .peer)
            reply.lines = try texts(c.lines, c.n_lines, "lines", .peer)
            reply.topology = try text(c.topology, "topology", .peer)
            return reply
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__reload_reply__init)
            c.pointee.node = arena.text(node)
            c.pointee.outcome = arena.text(outcome)
            c.pointee.n_lines = lines.count
            c.pointee.lines = arena.array(lines, arena.text)
            c.pointee.topology = arena.text(topology)
            return c
        }
    }
}
