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
///
/// When the topology changes, a new model is loaded beside the one that serves, and takes its place
/// at one moment; the old one ends when what it has is done.
final class ModelLoader: Sendable {
    /// A model that serves a task, and what its bar was chosen from.
    private struct Loaded: Sendable {
        let id: Digest
        /// Name and version, for people.
        let name: String
        let model: any LoadedModel
        let source: ModelSource
        let accept: TierPlan.Acceptance?
        let measure: ConfidenceMeasure
    }

    private struct State: Sendable {
        var context: NodeContext
        var engine: (any Engine)?
        /// By task.
        var loaded: [Int: Loaded] = [:]
    }

    /// How long a model that was replaced may take to end: no frame has a longer deadline.
    private static let patience = FrameWork.longestDeadline

    private let hosts: Hosts
    private let state: Mutex<State>
    private let isStopping = Atomic<Bool>(false)
    private let queue = DispatchQueue(label: "canopy-models")

    init(_ context: NodeContext, hosts: Hosts) {
        self.hosts = hosts
        state = Mutex(State(context: context))
    }

    /// Loads all models, one after the other, in the order of the tasks. Returns at once.
    func start() { queue.async { self.update() } }

    /// Does what a new topology asks for. Returns at once.
    func adopt(_ context: NodeContext) {
        queue.async {
            self.state.withLock { $0.context = context }
            self.update()
        }
    }

    /// Ends the engine after what it is running, the model that is being loaded included. Blocks.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        queue.sync {}
        state.withLock { $0.engine }?.shutdown()
    }

    // MARK: On the queue

    private var context: NodeContext { state.withLock { $0.context } }

    private func update() {
        let context = context
        let wanted = context.blueprint.tasks.indices.filter(isToLoad)
        let engine = wanted.isEmpty ? nil : engine(for: wanted)
        let store = BundleStore(folders: context.topology.models, disk: FileDisk())
        for (number, task) in context.blueprint.tasks.enumerated() {
            guard !isStopping.load(ordering: .relaxed) else { return }
            let old = state.withLock { $0.loaded[number] }
            guard task.hasBundle else {
                if let old { remove(old, number) }
                continue
            }
            do throws(Fault) {
                try serve(task, number, old, from: store, into: engine)
            } catch {
                giveUp(task, number, old, error)
            }
        }
    }

    private func serve(
        _ task: Blueprint.Task, _ number: Int, _ old: Loaded?, from store: BundleStore,
        into engine: (any Engine)?
    ) throws(Fault) {
        guard let tier = task.tier, case .bundle(let id) = tier.model else { return }
        let new: Loaded
        let isSame = old?.id == id
        if let old, isSame {
            guard old.accept != tier.accept || old.measure != task.measure else { return }
            new = Loaded(
                id: id, name: old.name, model: old.model, source: old.source, accept: tier.accept,
                measure: task.measure)
        } else {
            // Without an engine everything has been said already.
            guard let engine else { return }
            let (name, source, model) = try load(id, from: store, into: engine)
            new = Loaded(
                id: id, name: name, model: model, source: source, accept: tier.accept,
                measure: task.measure)
        }
        do throws(Fault) {
            let bar = try Bars.bar(of: tier, measure: task.measure, new.source)
            announce(new, task, bar)
            install(new, bar, number, replacing: isSame ? nil : old)
        } catch {
            if !isSame { new.model.close() }
            throw error
        }
    }

    private func load(
        _ id: Digest, from store: BundleStore, into engine: any Engine
    ) throws(Fault) -> (String, ModelSource, any LoadedModel) {
        let bundle = try store.open(id)
        let source = try ModelSource(bundle)
        let context = context
        let name = context.names.name
        let place = "\(context.topology.place(of: "nodes", name, "budget", "memory"))"
        // Verified a moment ago, but read again now.
        try bundle.recheckModel()
        let model = try engine.load(source, place: place)
        return ("\(bundle.name) \(bundle.version)", source, model)
    }

    private func announce(_ new: Loaded, _ task: Blueprint.Task, _ bar: Bar?) {
        context.log.info(
            "model loaded",
            metadata: [
                "task": "\(task.name)", "bundle": "\(new.name)", "id": "\(new.id.short)",
                "bar": "\(bar.map { "\($0.value)" } ?? "none")",
            ])
    }

    /// Gives the model to every loop; when all have it, what it replaces may end.
    private func install(_ new: Loaded, _ bar: Bar?, _ number: Int, replacing old: Loaded?) {
        state.withLock { $0.loaded[number] = new }
        let served = ServedModel(
            model: new.model, bundle: new.id.description,
            isClassifier: !new.source.labels.isEmpty, measure: new.measure)
        hosts.each { $0.shard.install(served, task: number, bar: bar) }
        if let old { retire(old.model) }
    }

    private func remove(_ old: Loaded, _ number: Int) {
        state.withLock { $0.loaded[number] = nil }
        hosts.each { $0.shard.uninstall(task: number) }
        retire(old.model)
    }

    /// Closes a model once nothing waits for it or runs in it, or after the patience.
    private func retire(_ model: any LoadedModel) {
        // Behind the bodies that took the model away from the loops.
        let left = Countdown(left: hosts.list.count) { [queue] in
            let end = MonotonicTime().now + Self.patience
            queue.async { Self.close(model, by: end, on: queue) }
        }
        hosts.each { _ in left.hit() }
    }

    private static func close(_ model: any LoadedModel, by end: Instant, on queue: DispatchQueue) {
        let isIdle = model.waiting == 0 && model.runningSince == nil
        guard !isIdle, MonotonicTime().now < end else { return model.close() }
        queue.asyncAfter(deadline: .now() + .milliseconds(50)) {
            close(model, by: end, on: queue)
        }
    }

    private func giveUp(_ task: Blueprint.Task, _ number: Int, _ old: Loaded?, _ fault: Fault) {
        let rest = old.map { "; bundle \($0.id.short) goes on" } ?? ""
        context.log.error(
            "the model of '\(task.name)' is not served: \(fault)\(rest)",
            metadata: ["task": "\(task.name)"])
        hosts.each { $0.shard.giveUp(task: number, "\(fault)\(rest)") }
    }

    // MARK: The engine

    /// Whether the task's bundle is not the one that serves it.
    private func isToLoad(_ number: Int) -> Bool {
        let (tasks, loaded) = state.withLock { ($0.context.blueprint.tasks, $0.loaded) }
        guard case .bundle(let id)? = tasks[number].tier?.model else { return false }
        return loaded[number]?.id != id
    }

    /// The engine, made when the first model is wanted; `nil` when there is none, which is said
    /// once.
    private func engine(for wanted: [Int]) -> (any Engine)? {
        if let engine = state.withLock({ $0.engine }) { return engine }
        do throws(Fault) {
            let settings = settings
            let made = try OpenVINOEngine(settings, time: MonotonicTime())
            state.withLock { $0.engine = made }
            hosts.each { $0.shard.hear(.workers(settings.workers)) }
            return made
        } catch {
            context.log.error(
                "no model is served here, frames are handed on to the next tier: \(error)")
            hosts.each { host in for task in wanted { host.shard.giveUp(task: task, "\(error)") } }
            return nil
        }
    }

    private var settings: EngineSettings {
        let context = context
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
}

/// Chooses the confidence from which on a task's answers are accepted.
enum Bars {
    /// As stated, or chosen on the bundle's calibration scores such that the stated risk is kept.
    static func bar(
        of tier: TierPlan, measure: ConfidenceMeasure, _ source: ModelSource
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
            let tally = tally(calibration, by: measure)
            return try RiskBar(target, calibration: tally).bar
        }
    }

    private static func tally(
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
