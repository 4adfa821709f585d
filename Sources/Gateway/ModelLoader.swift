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
    private let engine = Mutex<(any Engine)?>(nil)
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
    }

    private func loadAll() {
        let wanted = context.blueprint.tasks.enumerated().filter(\.element.hasBundle)
        guard !wanted.isEmpty else { return }
        guard let engine = makeEngine() else {
            for (number, _) in wanted { giveUp(number) }
            return
        }
        self.engine.withLock { $0 = engine }
        let workers = settings.workers
        for host in hosts { host.post { $0.shard.hear(.workers(workers)) } }
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

    private func makeEngine() -> (any Engine)? {
        do throws(Fault) {
            return try OpenVINOEngine(settings, time: MonotonicTime())
        } catch {
            context.log.error(
                "no model is served here, frames are handed on to the next tier: \(error)")
            return nil
        }
    }

    private var settings: EngineSettings {
        let node = context.blueprint.node
        // Loops and workers share the cores; a worker that waits for a core costs less than an idle
        // core costs.
        let workers = node.workers ?? Machine.cores
        return EngineSettings(
            workers: workers, memoryBudget: node.budget.memory,
            hardware: [node.hardware.rawValue],
            queueDepth: (workers + Admission.ahead) * context.loops,
            cacheFolder: CacheFolder.path, pixelLimit: node.limits.pixels,
            allocator: context.budget)
    }

    private func load(
        _ task: Blueprint.Task, _ number: Int, from store: BundleStore, into engine: any Engine
    ) throws(Fault) {
        guard let tier = task.tier, case .bundle(let id) = tier.model else { return }
        let bundle = try store.open(id)
        let node = context.blueprint.node
        let source = try ModelSource(bundle)
        let bar = try bar(of: tier, task: task, source)
        let place = "\(context.topology.place(of: "nodes", node.name, "budget", "memory"))"
        // Verified a moment ago, but read again now.
        try bundle.recheckModel()
        let model = try engine.load(source, place: place)
        let served = ServedModel(
            model: model, bundle: id.description, isClassifier: !source.labels.isEmpty)
        context.log.info(
            "model loaded",
            metadata: [
                "task": "\(task.name)", "bundle": "\(bundle.name) \(bundle.version)",
                "id": "\(id.short)", "bar": "\(bar.map { "\($0.value)" } ?? "none")",
            ])
        for host in hosts { host.post { $0.shard.install(served, task: number, bar: bar) } }
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
