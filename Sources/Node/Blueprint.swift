public import Ground
public import Routing
public import Topology

/// What a topology says of one node, in the order and with the indexes that its `Node` uses. The
/// gateway and the simulator build the same node from it.
public struct Blueprint: Sendable {
    /// One task that the node takes frames of.
    public struct Task: Sendable {
        public let plan: TaskPlan
        /// What answers here; `nil` when the node only hands frames on.
        public let tier: TierPlan?
        /// Nodes upstream that may be asked, as indexes into `Blueprint.peers`, tier by tier.
        public internal(set) var levels: [[Int]]
        /// Nodes of the same tier and site that run it, likewise.
        public internal(set) var neighbours: [Int]
        /// Whether a later topology serves it no more; see `succeeding`.
        public internal(set) var isRetired = false

        public var name: String { plan.name }

        /// Whether a bundle answers here.
        public var hasBundle: Bool {
            if case .bundle? = tier?.model { true } else { false }
        }

        /// Which calibrated score is judged.
        public var measure: ConfidenceMeasure {
            switch plan.confidence {
            case .maxSoftmax: .maxSoftmax
            case .margin: .margin
            case .entropy: .entropy
            }
        }

        /// What a frame does that does not say.
        public var mode: Routing.Mode { plan.mode == .wait ? .wait : .refine }
    }

    /// One other node that may be asked.
    public struct Peer: Sendable {
        public let plan: NodePlan
        public let kind: Routing.Peer.Kind
        /// Time to its answer before one was measured.
        public let prior: Interval
        /// Whether a later topology asks it no more; see `succeeding`.
        public internal(set) var isRetired = false
    }

    public let node: NodePlan
    public let tasks: [Task]
    public let peers: [Peer]
    /// The node that takes what this one owes; `nil` when it keeps nothing.
    public let hub: NodePlan?

    init(node: NodePlan, tasks: [Task], peers: [Peer], hub: NodePlan?) {
        self.node = node
        self.tasks = tasks
        self.peers = peers
        self.hub = hub
    }

    /// A round trip between places that nobody located: that of a site and its region.
    static let unknownDistance = Interval.milliseconds(20)

    public init(_ topology: Topology, node: NodePlan) {
        self.node = node
        hub = topology.hub(of: node)
        let served = topology.tasks.filter { task in
            task.tiers.contains { $0.tier >= node.tier }
        }
        var roster = Roster(node: node)
        tasks = served.map { task in
            let upstream = topology.upstreams(of: node, for: task)
            let above = upstream + topology.spills(of: node, for: task)
            let levels = Tier.allCases.map { tier in above.filter { $0.tier == tier } }
            return Task(
                plan: task, tier: task.tier(node.tier),
                levels: levels.filter { !$0.isEmpty }.map { $0.map { roster.number(of: $0) } },
                neighbours: topology.neighbours(of: node, for: task)
                    .map { roster.number(of: $0) })
        }
        peers = roster.plans.map { plan in
            Peer(
                plan: plan, kind: plan.tier == node.tier ? .neighbour : .upstream,
                prior: Self.prior(node, plan, topology))
        }
    }

    /// Numbers nodes in the order in which they are named first.
    private struct Roster {
        let node: NodePlan
        private(set) var plans: [NodePlan] = []
        private var numbers: [String: Int] = [:]

        init(node: NodePlan) { self.node = node }

        mutating func number(of plan: NodePlan) -> Int {
            if let number = numbers[plan.name] { return number }
            numbers[plan.name] = plans.count
            plans.append(plan)
            return plans.count - 1
        }
    }

    /// What a task is called at a peer: its own name at a Canopy node, the model's at a foreign
    /// one.
    public func model(of task: Task, at peer: Peer) -> String {
        guard case .foreign(let name)? = task.plan.tier(peer.plan.tier)?.model else {
            return task.name
        }
        return name
    }

    /// What the node's journeys share, before anything has happened.
    ///
    /// - Parameters:
    ///   - place: which of the node's shards it is for.
    ///   - seed: of the draws that decisions need.
    /// - Throws: `invalid` for an escalation or audit share that is no share.
    public func surroundings(
        _ place: ShardPlace = .alone, seed: UInt64, now: Instant
    ) throws(Fault) -> Surroundings {
        var courses: [Course] = []
        for task in tasks {
            let escalation = task.plan.escalation
            let rate = escalation.bandwidth.map { max(1, $0 / 8) }
            let limits = try EscalationBudget.Limits(
                share: escalation.share, bandwidth: rate,
                burstBytes: rate.map { max(1, Int(Double($0) * escalation.burst.seconds)) })
            guard let audits = AuditSampler(share: escalation.audit) else {
                throw Fault(.invalid, "an audit share of \(escalation.audit) is not in 0…1")
            }
            courses.append(
                Course(
                    needsWorker: task.hasBundle, alert: task.plan.alert.flatMap { Bar($0.at) },
                    neighbours: task.neighbours, levels: task.levels,
                    mayLeave: task.plan.payload == .mayLeaveSite,
                    failsClosed: task.plan.offline == .failClosed,
                    hasSafeAnswer: task.plan.safeAnswer != nil, keeps: keeps(of: task),
                    staleness: task.plan.staleness,
                    budget: EscalationBudget(limits, place: place, now: now), audits: audits))
        }
        return Surroundings(
            courses: courses, peers: peers.map { Routing.Peer(kind: $0.kind, prior: $0.prior) },
            policy: Policy(node.routing, node.tier, place), place: place,
            randomness: Randomness(seed: seed), now: now)
    }

    /// Frames are owed where the hub itself takes the task: it infers them, or hands them on.
    private func keeps(of task: Task) -> Keeping {
        guard let hub else { return .nothing }
        let isTaken = task.plan.tiers.contains { $0.tier >= hub.tier }
        return task.plan.payload == .mayLeaveSite && isTaken ? .resultsAndFrames : .results
    }

    private static func prior(
        _ node: NodePlan, _ peer: NodePlan, _ topology: Topology
    ) -> Interval {
        guard let here = place(of: node, topology), let there = place(of: peer, topology) else {
            return unknownDistance
        }
        return here.expectedRoundTrip(to: there)
    }

    private static func place(of node: NodePlan, _ topology: Topology) -> Coordinates? {
        guard let location = node.site.flatMap(topology.site(named:))?.location else { return nil }
        return Coordinates(latitude: location.latitude, longitude: location.longitude)
    }
}
