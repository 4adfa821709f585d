internal import CWire
public import Ground

/// What a node says of one of its tasks.
public struct TaskStatus: Sendable, Equatable {
    public var name = ""
    /// `fail-safe` or `fail-closed`: what is said while no tier that suffices can be reached.
    public var offline = ""
    /// `wait` or `refine`.
    public var mode = ""
    /// `may-leave-site` or `local-only`.
    public var payload = ""
    public var deadline = Interval.zero
    /// From the leaf up.
    public var tiers: [Tier] = []
    /// What answers here: `ready`, `loading`, `failed`, `stuck`, `restarting`, `down`, or `none`
    /// when frames are handed on.
    public var model = ""
    /// Why not, when it failed.
    public var fault = ""
    /// The bundle that answers here now; empty without one.
    public var bundle = ""
    /// Confidence from which on an answer of this node is accepted; `nil` accepts all.
    public var bar: Double?
    /// Frames that wait for the model.
    public var waiting = 0
    /// Whether anybody answers: the model here, or a node upstream.
    public var ready = false

    /// What one tier does for the task.
    public struct Tier: Sendable, Equatable {
        public var tier = ""
        /// A bundle's digest, the model's name at a foreign server, or `identity`.
        public var model = ""
        /// When an answer is accepted, as the topology says it; empty where all are.
        public var accept = ""

        public init() {}

        init(_ c: Canopy__V1__TaskTierStatus) throws(Fault) {
            tier = try text(c.tier, "tier", .peer)
            model = try text(c.model, "model", .peer)
            accept = try text(c.accept, "accept", .peer)
        }

        func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__TaskTierStatus>? {
            let c = arena.make(canopy__v1__task_tier_status__init)
            c.pointee.tier = arena.text(tier)
            c.pointee.model = arena.text(model)
            c.pointee.accept = arena.text(accept)
            return c
        }
    }

    public init() {}

    init(_ c: Canopy__V1__TaskStatus) throws(Fault) {
        name = try text(c.name, "name", .peer)
        offline = try text(c.offline, "offline", .peer)
        mode = try text(c.mode, "mode", .peer)
        payload = try text(c.payload, "payload", .peer)
        deadline = Interval(microseconds: c.deadline_us)
        tiers = try list(c.tiers, c.n_tiers, Tier.init)
        model = try text(c.model, "model", .peer)
        fault = try text(c.fault, "fault", .peer)
        bundle = try text(c.bundle, "bundle", .peer)
        bar = c.has_bar != 0 ? c.bar : nil
        waiting = Int(clamping: c.waiting)
        ready = c.ready != 0
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__TaskStatus>? {
        let c = arena.make(canopy__v1__task_status__init)
        c.pointee.name = arena.text(name)
        c.pointee.offline = arena.text(offline)
        c.pointee.mode = arena.text(mode)
        c.pointee.payload = arena.text(payload)
        c.pointee.deadline_us = deadline.microseconds
        c.pointee.n_tiers = tiers.count
        c.pointee.tiers = arena.array(tiers) { $0.packed(arena) }
        c.pointee.model = arena.text(model)
        c.pointee.fault = arena.text(fault)
        c.pointee.bundle = arena.text(bundle)
        c.pointee.has_bar = bar == nil ? 0 : 1
        c.pointee.bar = bar ?? 0
        c.pointee.waiting = UInt64(clamping: waiting)
        c.pointee.ready = ready ? 1 : 0
        return c
    }
}
