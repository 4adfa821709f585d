import Cryptography
import EventLoop
public import Ground
public import Logging
import Node
import Synchronization
public import Topology

/// One running node: its loops, its models and its end.
///
/// The caller's thread becomes the first loop; further loops have threads of their own. SIGTERM and
/// SIGINT drain the node: it takes no new frames, answers those it has, and `run` returns. SIGHUP,
/// and a change of the files that it was started from, make it read its topology again.
public final class Gateway {
    private let context: NodeContext
    private let metrics: NodeMetrics
    private let source: TopologySource?
    private let all = Hosts()
    private let scrape: Scrape
    private let control: ControlPlane
    private var hosts: [LoopConfined<ShardHost>] = []
    private var threads: [LoopThread] = []
    private var isDraining = false
    private var minutes: LoopConfined<MinuteKeeper>?

    /// Makes the node `name` of a topology. Nothing is opened yet.
    ///
    /// - Parameters:
    ///   - source: where the topology came from, to read it again; `nil` never does.
    ///   - digest: of what was read there.
    ///   - recording: where to write down what the node hears and does; `nil` for nowhere.
    /// - Throws: when the topology has no such node, when the node is a foreign server, or when a
    ///   certificate is missing.
    public init(
        _ topology: Topology, node name: String, source: TopologySource? = nil,
        digest: Digest? = nil, recording: Recording? = nil, log: Logger
    ) throws(Fault) {
        guard let plan = topology.node(named: name) else {
            let names = topology.nodes.map(\.name).joined(separator: ", ")
            throw Fault(
                .notFound, "the topology has no node '\(name)'", remedy: "it has \(names)")
        }
        guard plan.speaks == .canopy else {
            throw Fault(
                .invalid, "'\(name)' is a foreign server (`protocol: open-inference`)",
                remedy: "serve a node of the topology that is Canopy's own")
        }
        self.source = source
        context = try NodeContext(
            topology, node: plan, digest: digest, recording: recording, log: log)
        metrics = try NodeMetrics(context.blueprint)
        scrape = Scrape(metrics, context, hosts: all)
        control = ControlPlane(context, metrics, hosts: all, now: MonotonicTime().now)
    }

    /// Serves until the node is told to end.
    public func run() throws(Fault) {
        let loop = try Loop()
        defer {
            // The hosts' services hold what holds the hosts.
            all.set([])
            control.set(timers: nil, reloader: nil)
            for thread in threads { thread.stop() }
            for thread in threads { thread.join() }
        }
        let first = try ShardHost(loop, context, names: metrics, hosts: all)
        hosts = [LoopConfined(first, to: loop.poster)]
        for number in 1..<max(context.loops, 1) {
            try startThread(number)
        }
        let owing = try openSpool(on: loop)
        let desk = try openDesk(on: loop)
        all.set(hosts, desk: desk)
        try first.listen(scrape, control)
        for host in hosts.dropFirst() { try listenElsewhere(host) }
        try watchSignals(loop, desk)
        watchCertificates(loop, AlertLink(desk, shard: 0))
        let sinks = try keepRecords(on: loop)
        defer { sinks?.stop() }
        SpanExporter(context, hosts: hosts)?.start(on: loop)
        let loader = ModelLoader(context, hosts: all)
        try watchTopology(loop, loader)
        loader.start()
        for notice in context.topology.notices { context.log.warning("\(notice)") }
        announce()
        loop.run()
        loader.stop()
        owing?.end()
        context.log.info("the node has ended")
    }

    /// Lets the store forget what is past its term, and hand on what larger stores are to have.
    private func keepRecords(on loop: Loop) throws(Fault) -> RecordSinks? {
        guard let store = context.records, let plan = context.blueprint.node.records else {
            return nil
        }
        RecordKeeper(store, context.log).start(on: loop)
        return try RecordSinks(store, plan, node: context.names.name, context.log)
    }

    // MARK: Loops

    private func startThread(_ number: Int) throws(Fault) {
        let (context, metrics, all) = (context, metrics, all)
        let made = Handover<LoopConfined<ShardHost>>()
        threads.append(
            try LoopThread(name: "canopy-loop-\(number)") { (loop) throws(Fault) in
                let host = try ShardHost(loop, context, names: metrics, hosts: all, number: number)
                made.value.withLock { $0 = LoopConfined(host, to: loop.poster) }
            })
        if let host = made.value.withLock({ $0 }) { hosts.append(host) }
    }

    private func listenElsewhere(_ host: LoopConfined<ShardHost>) throws(Fault) {
        let (scrape, control) = (scrape, control)
        let outcome = Handover<Result<Void, Fault>>()
        host.post { host in
            let result = Result { () throws(Fault) in try host.listen(scrape, control) }
            outcome.value.withLock { $0 = result }
            outcome.signal()
        }
        try outcome.wait().get()
    }

    /// Opens the sinks of alerts and gives every shard its way to them.
    private func openDesk(on loop: Loop) throws(Fault) -> LoopConfined<AlertDesk> {
        let made = try AlertDesk(
            context, PreparedSink.all(of: context, metrics.registry), on: loop,
            registry: metrics.registry)
        let desk = LoopConfined(made, to: loop.poster)
        for (number, host) in hosts.enumerated() {
            host.post { $0.shard.alerts = AlertLink(desk, shard: number) }
        }
        return desk
    }

    /// Opens the node's spool and gives every shard its way to it; `nil` where nothing is kept.
    private func openSpool(on loop: Loop) throws(Fault) -> OwingHome? {
        let status = OwingStatus(context, now: loop.time.now)
        guard let owing = try OwingHome(context, hosts: all, status) else { return nil }
        context.spool.link = owing.link
        guard context.blueprint.hub != nil else { return owing }
        for (number, host) in hosts.enumerated() {
            host.post { $0.shard.keep(in: owing.link, status, loop: number) }
        }
        let keeper = MinuteKeeper(owing.link, context.incidents, hosts: all, on: loop)
        minutes = LoopConfined(keeper, to: loop.poster)
        keeper.start()
        return owing
    }

    private func announce() {
        let listeners = context.blueprint.node.listeners.map { listener in
            "\(listener.endpoint) (\(listener.clients.rawValue)\(listener.tls ? ", TLS" : ""))"
        }
        context.log.info(
            "node \(context.names.name) (\(context.names.tier)) listens",
            metadata: ["on": "\(listeners.joined(separator: "; "))", "loops": "\(context.loops)"])
    }

    // MARK: Signals and files

    private func watchSignals(_ loop: Loop, _ desk: LoopConfined<AlertDesk>) throws(Fault) {
        for signal in [ServiceSignal.terminate, .interrupt] {
            try loop.onSignal(signal) { [unowned self] in drain(loop, desk) }
        }
    }

    private func watchCertificates(_ loop: Loop, _ alerts: AlertLink) {
        guard context.certificates.isNeeded else { return }
        let site = context.blueprint.node.site.flatMap(context.topology.site(named:))
        let watch = CertificateWatch(
            context.certificates, alone: .seconds(Int64(site?.offlineHours ?? 0) * 3_600),
            on: loop, alerts, log: context.log)
        watch.look()
        do throws(Fault) {
            _ = try loop.watch(context.certificates.folder) { watch.changed() }
        } catch {
            context.log.warning("renewed certificates need a restart: \(error)")
        }
    }

    private func watchTopology(_ loop: Loop, _ loader: ModelLoader) throws(Fault) {
        let timers = LoopConfined(loop, to: loop.poster)
        guard let source else { return control.set(timers: timers, reloader: nil) }
        let reloader = Reloader(source, on: loop, control, loader)
        control.set(timers: timers, reloader: LoopConfined(reloader, to: loop.poster))
        try loop.onSignal(.hangUp) { reloader.reload() }
        do throws(Fault) {
            _ = try loop.watch(source.path) { reloader.reload() }
        } catch {
            context.log.warning("a changed topology is read on SIGHUP only: \(error)")
        }
    }

    private func drain(_ loop: Loop, _ desk: LoopConfined<AlertDesk>) {
        guard !isDraining else { return loop.stop() }
        isDraining = true
        control.end()
        context.log.info("the node drains: it answers what it has and takes nothing new")
        let poster = loop.poster
        let minutes = minutes
        let box = Countdown(left: hosts.count) {
            let leave: @Sendable () -> Void = { desk.post { $0.farewell { poster.stop() } } }
            if let minutes { minutes.post { $0.write(leave) } } else { leave() }
        }
        for host in hosts { host.post { $0.drain { box.hit() } } }
    }
}
