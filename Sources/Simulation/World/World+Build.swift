import Ground
import Node
import Routing
import Topology

extension World {
    /// A server's standard engine, by tier: what small machines at the edge and racks above do.
    private static func standardTime(_ tier: Tier) -> Interval {
        switch tier {
        case .leaf: .milliseconds(8)
        case .regional: .milliseconds(15)
        case .cloud: .milliseconds(25)
        }
    }

    private static func standardWorkers(_ tier: Tier) -> Int {
        switch tier {
        case .leaf: 1
        case .regional: 8
        case .cloud: 32
        }
    }

    /// Streams of randomness that have nothing to do with each other.
    enum Stream {
        static let clock: UInt64 = 1
        static let engine: UInt64 = 2
        static let link: UInt64 = 3
        static let camera: UInt64 = 4
        static let node: UInt64 = 5
        static let frame: UInt64 = 6
        static let post: UInt64 = 7
        static let disk: UInt64 = 8
    }

    mutating func build() throws(Fault) {
        for (index, plan) in topology.nodes.enumerated() { hosts.append(makeHost(index, plan)) }
        for rule in scenario.engines { apply(rule) }
        for index in hosts.indices { connect(index) }
        for index in hosts.indices { try start(index, cold: false) }
        for (load, plan) in scenario.loads.enumerated() {
            for host in plan.to.nodes where hosts[host].ownTask[plan.task] >= 0 {
                for _ in 0..<plan.cameras { addCamera(host, load) }
            }
        }
        for (index, happening) in scenario.happenings.enumerated() {
            schedule(.happens, at: UInt64(happening.at.nanoseconds), index, 0)
        }
        schedule(.look, at: Self.lookEvery, 0)
    }

    private func makeHost(_ index: Int, _ plan: NodePlan) -> Host {
        var draws = Randomness(seed: Randomness.seed(seed, Stream.clock, index))
        // Clocks of different machines have nothing to do with each other: whoever compares them
        // meets hours of difference.
        let reading = 1_000_000_000 + draws.next() % 86_400_000_000_000
        let spread = 0.15
        let speed = Engine.Speed(
            median: Double(Self.standardTime(plan.tier).nanoseconds), spread: spread)
        return Host(
            name: plan.name, tier: plan.tier,
            plan: HostPlan(plan.speaks == .canopy ? Blueprint(topology, node: plan) : nil),
            site: tally.site(of: plan),
            drainLimit: UInt64(plan.limits.drain.nanoseconds), loops: plan.loops ?? 1,
            clock: NodeClock(reading: reading),
            engine: Engine(
                workers: plan.workers ?? Self.standardWorkers(plan.tier),
                speeds: [Engine.Speed](repeating: speed, count: topology.tasks.count),
                load: 2_000_000_000,
                randomness: Randomness(seed: Randomness.seed(seed, Stream.engine, index))),
            postage: Randomness(seed: Randomness.seed(seed, Stream.post, index)))
    }

    private mutating func apply(_ rule: EngineRule) {
        for host in rule.of.nodes {
            if let workers = rule.workers { hosts[host].engine.setWorkers(workers) }
            if let load = rule.load { hosts[host].engine.load = UInt64(load.nanoseconds) }
            for task in topology.tasks.indices where rule.task ?? task == task {
                if let time = rule.time {
                    hosts[host].engine.speeds[task].median = Double(time.nanoseconds)
                }
                if let spread = rule.spread { hosts[host].engine.speeds[task].spread = spread }
            }
        }
    }

    /// Makes the links to a node's peers.
    private mutating func connect(_ index: Int) {
        hosts[index].ownTask = [Int](repeating: -1, count: topology.tasks.count)
        guard let blueprint = hosts[index].blueprint else { return }
        for (own, task) in blueprint.tasks.enumerated() {
            guard let there = topology.tasks.firstIndex(where: { $0.name == task.name }) else {
                continue
            }
            hosts[index].tasks.append(Self.task(there, task))
            hosts[index].ownTask[there] = own
        }
        for peer in blueprint.peers { join(index, to: peer.plan.name, prior: peer.prior) }
        guard let hub = blueprint.hub,
            !blueprint.peers.contains(where: { $0.plan.name == hub.name })
        else { return }
        // It takes what is owed, and is asked nothing.
        join(index, to: hub.name, prior: .milliseconds(20))
    }

    private mutating func join(_ index: Int, to peer: String, prior: Interval) {
        guard let other = place(of: peer) else { return }
        hosts[other].callers += 1
        links.append(
            Link(
                from: index, to: other, source: hosts[other].callers,
                usualTraits(index, other, prior: prior),
                Randomness(seed: Randomness.seed(seed, Stream.link, links.count))))
        hosts[index].peers.append((other, links.count - 1))
    }

    /// The index of a node: they are sorted by name.
    private func place(of name: String) -> Int? {
        var (low, high) = (0, topology.nodes.count)
        while low < high {
            let middle = (low + high) / 2
            if topology.nodes[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low < topology.nodes.count && topology.nodes[low].name == name ? low : nil
    }

    private static func task(_ index: Int, _ task: Blueprint.Task) -> Host.Task {
        Host.Task(
            index: index, bar: task.tier.flatMap(bar).flatMap(Bar.init),
            isIdentity: task.tier?.model == .identity,
            alert: task.plan.alert.map { $0.at } ?? 2)
    }

    /// The bar that a tier's answers must reach. One that follows from a risk is in the bundle,
    /// which the simulator does not read: 0.9 stands for it.
    private static func bar(_ tier: TierPlan) -> Double? {
        switch tier.accept {
        case .confidence(let value)?: value
        case .risk?: 0.9
        case nil: nil
        }
    }

    private func usualTraits(_ from: Int, _ to: Int, prior: Interval) -> Link.Traits {
        let isNear = topology.nodes[from].site != nil && hosts[from].site == hosts[to].site
        let way = isNear ? 100_000 : UInt64(prior.nanoseconds / 2)
        var traits = Link.Traits(latency: way, jitter: way / 10, loss: 0, rate: 0)
        for rule in scenario.links where rule.between.joins(from, to) { traits.take(rule.traits) }
        return traits
    }

    private mutating func addCamera(_ host: Int, _ load: Int) {
        let seed = Randomness.seed(seed, Stream.camera, cameras.count)
        var camera = Camera(host: host, load: load, randomness: Randomness(seed: seed))
        schedule(.cameraSends, at: camera.first(rhythms[load]), cameras.count)
        cameras.append(camera)
    }
}

extension Sides {
    /// Whether a link from one host to another is one of these.
    func joins(_ from: Int, _ to: Int) -> Bool {
        (one.has(from) && other.has(to)) || (one.has(to) && other.has(from))
    }
}

extension Target {
    func has(_ node: Int) -> Bool {
        var (low, high) = (0, nodes.count)
        while low < high {
            let middle = (low + high) / 2
            if nodes[middle] < node { low = middle + 1 } else { high = middle }
        }
        return low < nodes.count && nodes[low] == node
    }
}

extension Link.Traits {
    mutating func take(_ said: LinkTraits) {
        if let value = said.latency { latency = UInt64(value.nanoseconds) }
        if let value = said.jitter { jitter = UInt64(value.nanoseconds) }
        if let value = said.loss { loss = value }
        if let value = said.bandwidth { rate = UInt64(max(value / 8, 1)) }
    }
}
