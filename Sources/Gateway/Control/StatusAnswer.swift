import Ground
import Node
import Routing
import Telemetry
import Topology
import Wire

/// Puts a node's status together of what its loops, its topology and its operators say.
struct StatusAnswer {
    let context: NodeContext
    let names: NodeMetrics
    let state: ControlPlane.State
    let now: Instant

    /// - Parameter reports: one a loop, with its numbers.
    func status(_ reports: [(report: ShardReport, values: MetricValues)]) -> NodeStatus {
        var all = reports.first?.report ?? ShardReport()
        var values = MetricValues()
        for one in reports.dropFirst() { all.merge(one.report) }
        for one in reports { values.merge(one.values) }
        var status = head(all)
        status.tasks = tasks(all)
        status.peers = peers(all, reports.map(\.report), values)
        status.classes = classes(all, values)
        status.counts = names.registry.totals(values).map {
            NamedCount($0.name, Int(clamping: $0.count))
        }
        status.counts += owed
        return status
    }

    /// What the node owes, as counts: they are part of no series' total.
    private var owed: [NamedCount] {
        guard let numbers = context.spool.link?.numbers else { return [] }
        var counts = [NamedCount("owed.away", numbers.awaySince == nil ? 0 : 1)]
        for depth in numbers.depths {
            let name = "owed.\(depth.queue.name)"
            counts.append(NamedCount("\(name).records", Int(clamping: depth.records)))
            counts.append(NamedCount("\(name).bytes", Int(clamping: depth.bytes)))
            counts.append(NamedCount("\(name).dropped", Int(clamping: depth.dropped)))
            counts.append(NamedCount("\(name).first", Int(clamping: depth.first)))
            counts.append(NamedCount("\(name).next", Int(clamping: depth.next)))
        }
        return counts
    }

    private func head(_ all: ShardReport) -> NodeStatus {
        var status = NodeStatus()
        status.node = context.names.name
        status.tier = context.names.tier
        status.site = context.blueprint.node.site ?? ""
        status.version = Version.text
        status.uptime = now - state.begun
        status.loops = context.loops
        status.draining = all.isDraining
        status.ready = all.isReady
        status.frames = all.frames
        status.configuration = state.configuration
        status.configuration.topology = context.digest?.hex ?? ""
        status.memory.requests = context.budget.used
        status.memory.requestLimit = context.budget.limit
        status.memory.resident = Machine.residentBytes
        return status
    }

    private func tasks(_ all: ShardReport) -> [TaskStatus] {
        context.blueprint.tasks.enumerated().compactMap { index, task in
            guard !task.isRetired, index < all.tasks.count else { return nil }
            let known = all.tasks[index]
            var status = TaskStatus()
            status.name = task.name
            status.offline = task.plan.offline.rawValue
            status.mode = task.plan.mode.rawValue
            status.payload = task.plan.payload.rawValue
            status.deadline = task.plan.deadline
            status.tiers = task.plan.tiers.map { tier in
                var plan = TaskStatus.Tier()
                plan.tier = tier.tier.rawValue
                plan.model = model(tier)
                plan.accept = ReloadSummary.accept(tier)
                return plan
            }
            status.model = known.model
            status.fault = known.fault
            status.bundle = known.bundle
            status.bar = known.bar
            status.waiting = known.waiting
            status.ready = known.isReady
            return status
        }
    }

    private func model(_ tier: TierPlan) -> String {
        if case .bundle(let digest) = tier.model { return digest.description }
        return ReloadSummary.name(tier)
    }

    private func peers(
        _ all: ShardReport, _ loops: [ShardReport], _ values: MetricValues
    ) -> [PeerStatus] {
        context.blueprint.peers.enumerated().compactMap { index, peer in
            guard !peer.isRetired, index < all.peers.count else { return nil }
            let known = all.peers[index]
            var status = PeerStatus()
            status.name = peer.plan.name
            status.tier = peer.plan.tier.rawValue
            status.address = peer.plan.address.map { "\($0)" } ?? ""
            status.level = level(of: peer)
            status.breaker = known.breaker.word
            status.open = known.open
            status.openLoops = loops.count { $0.peers[index].breaker != .closed }
            if let held = state.overrides[index] {
                status.override = held.word
                status.overrideLeft = held.until.map { max(.microseconds(1), $0 - now) } ?? .zero
            }
            status.roundTrip = known.roundTrip
            status.pending = known.pending
            status.calls = names.peers[index].calls.values
                .reduce(0) { $0 + Int(clamping: values[$1]) }
            status.draining = known.isDraining
            status.ejected = known.isEjected
            return status
        }
    }

    private func level(of peer: Blueprint.Peer) -> String {
        if peer.kind == .neighbour { return "neighbour" }
        let above = Tier.allCases.filter { $0 > context.blueprint.node.tier }
        return peer.plan.tier == above.first ? "next" : "above"
    }

    private func classes(_ all: ShardReport, _ values: MetricValues) -> [ClassStatus] {
        let shares = context.blueprint.node.routing.admission.shares
        return WorkClass.allCases.enumerated().map { index, workClass in
            var status = ClassStatus()
            status.name = workClass.rawValue
            status.share =
                switch workClass {
                case .realtime: shares.realtime
                case .standard: shares.standard
                case .batch: shares.batch
                case .sync: shares.sync
                }
            status.held = index < all.held.count ? all.held[index] : 0
            status.shed = names.tasks.reduce(0) { sum, task in
                sum + Int(clamping: task.shed[workClass].map { values[$0] } ?? 0)
            }
            return status
        }
    }
}
