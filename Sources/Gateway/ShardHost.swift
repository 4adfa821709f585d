import Cryptography
import EventLoop
import Ground
import HTTP
import Logging
import Node
import Routing
import Topology

/// A shard with its sockets: listeners, servers and the pools to nodes upstream. Confined to its
/// loop.
final class ShardHost {
    let shard: Shard
    let metrics: ShardMetrics
    private let loop: Loop
    private let place: ShardPlace
    private var context: NodeContext
    private var servers: [Server] = []
    private var services: [InferenceService] = []
    /// Pools of peers that have moved; they end when their last call has.
    private var retired: [ClientPool] = []
    private var listeners: [EventLoop.Listener] = []
    private var whenDrained: (() -> Void)?

    init(
        _ loop: Loop, _ context: NodeContext, names: NodeMetrics, hosts: Hosts, number: Int = 0
    ) throws(Fault) {
        self.loop = loop
        place = ShardPlace(number, of: context.loops)
        self.context = context
        metrics = ShardMetrics(names, RefusalLog(context.log, time: loop.time))
        let seed = SecureRandom.word()
        let start = loop.time.now
        let node = Node(
            try context.blueprint.surroundings(place, seed: seed, now: start))
        let tasks = context.blueprint.tasks.map(TaskRuntime.init)
        let telemetry = context.topology.telemetry
        let tracer = telemetry.collector.map { _ in
            Tracer(sample: telemetry.sample, time: loop.time, seed: ~seed)
        }
        shard = Shard(
            loop: loop, names: context.names, node: node, tasks: tasks, metrics: metrics,
            receipts: context.receipts, tracer: tracer,
            sources: SourceTable(context.sources),
            limits: TenantLimits(context.blueprint.node.routing.admission),
            post: ShardPost(place, to: hosts))
        if let recording = context.recording {
            let header = EventLog.Header(
                node: context.names.name, place: place, seed: seed, start: start,
                topology: context.digest)
            shard.record = try ShardRecord(recording, header, on: loop, context.log)
        }
        shard.liveFrames = context.records.map { LiveFrames($0, on: loop, context.log) }
        shard.changes = ChangeLog(context.log, loop: number, of: context.loops)
        shard.peers = context.blueprint.peers.enumerated().map { index, peer in
            makePeer(peer, seed: seed &+ UInt64(index))
        }
        for (index, task) in tasks.enumerated() where task.isIdentity {
            shard.hear(.modelReady(task: index, bar: nil))
        }
        shard.startTicking()
    }

    /// Opens the listeners; all loops of the node listen on the same ports.
    func listen(_ scrape: Scrape, _ control: ControlPlane) throws(Fault) {
        let pages = Pages(shard: shard, scrape: scrape)
        for plan in context.blueprint.node.listeners {
            let service = InferenceService(
                shard, rules: AccessRules(topology: context.topology, clients: plan.clients),
                serves: plan.serves, pages: pages, control: control)
            services.append(service)
            let server = makeServer(service, plan)
            servers.append(server)
            listeners.append(
                try loop.listen(on: plan.endpoint) { transport in server.accept(transport) })
        }
    }

    /// Takes a new topology, between two events. Calls that have begun go on as they began.
    func adopt(_ new: NodeContext, names: NodeMetrics) {
        let old = context
        let seed = SecureRandom.word()
        let now = loop.time.now
        let surroundings: Surroundings
        do throws(Fault) {
            surroundings = try new.blueprint.surroundings(place, seed: seed, now: now)
        } catch {
            // What makes these numbers was checked with the topology.
            return new.log.critical("a loop goes on with the old topology: \(error)")
        }
        context = new
        metrics.adopt(names)
        shard.peers = new.blueprint.peers.enumerated().map { index, peer in
            guard index < old.blueprint.peers.count else { return makePeer(peer, seed: ~seed) }
            return succeed(shard.peers[index], old.blueprint.peers[index], peer, seed: ~seed)
        }
        shard.adopt(
            new.blueprint.tasks.map(TaskRuntime.init), surroundings, at: now, digest: new.digest,
            limits: TenantLimits(new.blueprint.node.routing.admission))
        for (service, plan) in zip(services, new.blueprint.node.listeners) {
            service.rules = AccessRules(topology: new.topology, clients: plan.clients)
        }
        for server in servers { server.limits = new.serverLimits }
    }

    /// A peer that stays where it is keeps its connections; one that has moved gets new ones.
    private func succeed(
        _ runtime: PeerRuntime, _ old: Blueprint.Peer, _ new: Blueprint.Peer, seed: UInt64
    ) -> PeerRuntime {
        let isSame =
            old.plan.address == new.plan.address
            && old.plan.dialledByTLS == new.plan.dialledByTLS
            && old.plan.speaks == new.plan.speaks
        guard isSame else {
            retire(runtime.pool)
            return makePeer(new, seed: seed)
        }
        runtime.pool.limits = context.clientLimits
        return makeRuntime(new, pool: runtime.pool)
    }

    /// Closes a pool after the longest time that a call on it may last.
    private func retire(_ pool: ClientPool) {
        retired.append(pool)
        loop.schedule(after: FrameWork.longestDeadline) { [weak self] in
            pool.close()
            self?.retired.removeAll { $0 === pool }
        }
    }

    /// What the servers and pools have counted so far.
    var counters: (servers: [ServerCounters], peers: [ClientCounters]) {
        (servers.map(\.counters), shard.peers.map(\.pool.counters))
    }

    /// Takes no more frames, finishes those under way within the drain limit, then calls `done`
    /// once.
    func drain(_ done: @escaping () -> Void) {
        whenDrained = done
        for listener in listeners { listener.close() }
        // The servers, and the frames: some outlive their calls, as refinements and audits do.
        var left = servers.count + 1
        let oneIsDone = { [weak self] in
            left -= 1
            if left == 0 { self?.finishDraining() }
        }
        shard.whenEmpty = oneIsDone
        // A frame has a deadline of its own, so the end comes by itself; the limit is for the
        // stubborn.
        loop.schedule(after: context.blueprint.node.limits.drain) { [weak self] in
            self?.finishDraining()
        }
        shard.drain()
        // Clients are told at once, so that they go elsewhere before they are refused.
        for server in servers { server.drain(oneIsDone) }
    }

    /// Ports of the listeners, in the topology's order.
    var ports: [Int] { listeners.map(\.port) }

    private func finishDraining() {
        guard let done = whenDrained else { return }
        whenDrained = nil
        shard.record?.close(loop.time.now)
        for server in servers { server.close() }
        for pool in shard.peers.map(\.pool) + retired { pool.close() }
        done()
    }

    // MARK: Making

    private var hooks: LoopHooks {
        let poster = loop.poster
        return LoopHooks(
            endOfTurn: { [unowned loop] in loop.atEndOfTurn($0) }, post: { poster.post($0) })
    }

    private func makeServer(_ service: InferenceService, _ plan: ListenerPlan) -> Server {
        let certificates = context.certificates
        let asks = plan.clients == .certificate
        let server = Server(
            service, limits: context.serverLimits, budget: context.budget, network: loop,
            hooks: hooks,
            secure: plan.tls
                ? { () throws(Fault) in
                    try TLSSession(context: certificates.server(asksForCertificate: asks))
                } : nil)
        server.onRefusal = { [metrics] in metrics.rejected($0) }
        return server
    }

    private func makePeer(_ peer: Blueprint.Peer, seed: UInt64) -> PeerRuntime {
        let plan = peer.plan
        let certificates = context.certificates
        // `check` refuses a topology in which a node upstream has no address.
        let endpoint = plan.address ?? Endpoint(host: "127.0.0.1", port: 0)
        let expected: ExpectedPeer =
            plan.speaks == .canopy ? .node(plan.name) : .host(endpoint.host)
        let pool = ClientPool(
            endpoint, limits: context.clientLimits, allocator: context.budget, network: loop,
            hooks: hooks, seed: seed,
            secure: plan.dialledByTLS
                ? { () throws(Fault) in
                    try TLSSession(context: certificates.client(), expecting: expected)
                } : nil)
        let link = LinkLog(peer: plan.name, at: endpoint, log: context.log)
        pool.onLink = { link.hear($0) }
        return makeRuntime(peer, pool: pool)
    }

    private func makeRuntime(_ peer: Blueprint.Peer, pool: ClientPool) -> PeerRuntime {
        let plan = peer.plan
        return PeerRuntime(
            name: plan.name, tier: plan.tier.rawValue, speaksCanopy: plan.speaks == .canopy,
            models: context.blueprint.tasks.map { context.blueprint.model(of: $0, at: peer) },
            pool: pool)
    }
}
