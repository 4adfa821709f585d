import Bundles
import Dispatch
import EventLoop
import Ground
import Inference
import Logging
import Node
import Routing
import Storage
import Synchronization
import Topology

/// Finds, verifies and loads the models of a node's tasks, off its loops, and gives each to every
/// shard. A task whose model cannot be loaded is handed on to the nodes upstream; the log says why.
final class ModelLoader: Sendable {
    private let context: NodeContext
    private let hosts: [LoopConfined<ShardHost>]
    private let engine = Mutex<NodeEngine?>(nil)
    private let processes = Mutex<EngineProcesses?>(nil)
    private let isStopping = Atomic<Bool>(false)
    private let queue = DispatchQueue(label: "canopy-models")

    init(_ context: NodeContext, hosts: [LoopConfined<ShardHost>]) {
        self.context = context
        self.hosts = hosts
    }

    /// Loads all models, one after the other, in the order of the tasks. Returns at once.
    func start() {
        queue.async { self.loadAll() }
    }

    /// Ends the engine after what it is running, the model that is being loaded included. Blocks.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        queue.sync {}
        engine.withLock { $0 }?.shutdown()
        processes.withLock { $0 }?.stop()
    }

    private func loadAll() {
        let wanted = context.blueprint.tasks.enumerated().filter(\.element.hasBundle)
        guard !wanted.isEmpty else { return }
        let engine = NodeEngine(settings, isolated: isolatedHome(), time: MonotonicTime())
        self.engine.withLock { $0 = engine }
        let store = BundleStore(folders: context.topology.models, disk: FileDisk())
        for (number, task) in wanted where !isStopping.load(ordering: .relaxed) {
            do throws(Fault) {
                try load(task, number, from: store, into: engine)
            } catch {
                context.log.error(
                    "the model of '\(task.name)' is not served: \(error)",
                    metadata: ["task": "\(task.name)"])
                giveUp(number)
            }
        }
    }

    private func giveUp(_ task: Int) {
        for host in hosts { host.post { $0.shard.giveUp(task: task) } }
    }

    /// `nil` where no model is isolated, or none can be: those then say so, each at its place.
    private func isolatedHome() -> IsolatedHome? {
        guard let frames = context.frames else { return nil }
        do throws(Fault) {
            let launcher = try EngineProcesses(log: context.log)
            processes.withLock { $0 = launcher }
            return IsolatedHome(frames: frames, launcher: launcher)
        } catch {
            context.log.error("no isolated engine can be started: \(error)")
            return nil
        }
    }

    private var settings: EngineSettings {
        let node = context.blueprint.node
        // Loops and workers share the cores; a worker that waits for a core costs less than an idle
        // core costs.
        let workers = node.workers ?? Machine.cores
        var settings = EngineSettings(
            workers: workers, memoryBudget: node.budget.memory,
            hardware: [node.hardware.rawValue], queueDepth: node.limits.queue,
            cacheFolder: CacheFolder.path, pixelLimit: node.limits.pixels,
            allocator: context.budget)
        settings.inferenceLimit = node.limits.inference
        return settings
    }

    private func load(
        _ task: Blueprint.Task, _ number: Int, from store: BundleStore, into engine: NodeEngine
    ) throws(Fault) {
        guard let tier = task.tier, case .bundle(let id) = tier.model else { return }
        let bundle = try store.open(id)
        let node = context.blueprint.node
        let source = try ModelSource(bundle)
        let bar = try bar(of: tier, task: task, source)
        let place = "\(context.topology.place(of: "nodes", node.name, "budget", "memory"))"
        // Verified a moment ago, but read again now.
        try bundle.recheckModel()
        let home: EngineHome = tier.engine == .isolated ? .isolated : .inProcess
        let model = try engine.load(source, in: home, place: place)
        let served = ServedModel(
            model: model, bundle: id.description, isClassifier: !source.labels.isEmpty,
            longestInference: node.limits.inference)
        context.log.info(
            "model loaded",
            metadata: [
                "task": "\(task.name)", "bundle": "\(bundle.name) \(bundle.version)",
                "id": "\(id.short)", "bar": "\(bar.map { "\($0.value)" } ?? "none")",
                "engine": "\(home.rawValue)",
            ])
        for host in hosts { host.post { $0.shard.install(served, task: number, bar: bar) } }
        model.watch { [weak self] in self?.changed($0, task: number, task.name, bar: bar) }
    }

    private func changed(
        _ condition: EngineCondition, task number: Int, _ name: String, bar: Bar?
    ) {
        let about: Logger.Metadata = ["task": "\(name)"]
        switch condition {
        case .serving: context.log.info("the engine of '\(name)' serves again", metadata: about)
        case .restarting(let why):
            context.log.warning("the engine of '\(name)' ended: \(why)", metadata: about)
        case .down(let why):
            context.log.error(
                "the engine of '\(name)' stays down until the node starts again: \(why)",
                metadata: about)
        }
        for host in hosts {
            host.post { $0.shard.engine(of: number, is: condition, bar: bar) }
        }
    }

    /// The confidence from which on an answer is accepted: as stated, or chosen on the bundle's
    /// calibration scores such that the stated risk is kept.
    private func bar(
        of tier: TierPlan, task: Blueprint.Task, _ source: ModelSource
    ) throws(Fault) -> Bar? {
        switch tier.accept {
        case nil: return nil
        case .confidence(let value): return Bar(value)
        case .risk(let risk, let confidence):
            guard let calibration = source.calibration else {
                throw Fault(
                    .precondition,
                    "\(tier.place): a risk needs calibration scores, and bundle"
                        + " \(source.id.short) has none",
                    remedy: "give a number (`accept: 0.8`), or a bundle with calibration.json")
            }
            let target = try RiskTarget(risk: risk, confidence: confidence)
            let tally = tally(calibration, by: task.measure)
            return try RiskBar(target, calibration: tally).bar
        }
    }

    private func tally(
        _ calibration: Calibration, by measure: ConfidenceMeasure
    ) -> CalibrationTally {
        let scores =
            switch measure {
            case .maxSoftmax: calibration.maxSoftmax
            case .margin: calibration.margin
            case .entropy: calibration.entropy
            }
        var tally = CalibrationTally()
        for (score, isRight) in zip(scores, calibration.correct) {
            tally.add(Confidence(score), isRight: isRight)
        }
        return tally
    }
}
