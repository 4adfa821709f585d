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
        let engine: TierPlan.Engine
        var bar: Bar?

        /// Whether it is what the tier asks for, and is not down for good.
        func serves(_ id: Digest, _ tier: TierPlan) -> Bool {
            if case .down = model.condition { return false }
            return self.id == id && engine == tier.engine
        }
    }

    private struct State: Sendable {
        var context: NodeContext
        var engine: NodeEngine?
        var processes: EngineProcesses?
        /// By task.
        var loaded: [Int: Loaded] = [:]
        /// Why a task's model was not to be had at the last try, by task.
        var failures: [Int: String] = [:]
        /// Until the next try; `nil` while none is due.
        var pause: Interval?
        var retryIsDue = false
    }

    /// Until a model that was not to be had is tried again: twice as long after each try. From two
    /// seconds, since a bundle may be on its way to the disk, to five minutes, since loading takes
    /// a core for seconds.
    private static let pauses = (first: Interval.seconds(2), longest: Interval.seconds(300))

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
            self.state.withLock { state in
                state.context = context
                (state.failures, state.pause) = ([:], nil)
            }
            self.update()
        }
    }

    /// Ends the engine after what it is running, the model that is being loaded included. Blocks.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        queue.sync {}
        let (engine, processes) = state.withLock { ($0.engine, $0.processes) }
        engine?.shutdown()
        processes?.stop()
    }

    // MARK: On the queue

    private var context: NodeContext { state.withLock { $0.context } }

    private func update() {
        let context = context
        let wanted = context.blueprint.tasks.indices.filter(isToLoad)
        let engine = wanted.isEmpty ? nil : engine()
        let store = BundleStore(folders: context.topology.models, disk: FileDisk())
        var mayHeal = false
        for (number, task) in context.blueprint.tasks.enumerated() {
            guard !isStopping.load(ordering: .relaxed) else { return }
            let old = state.withLock { $0.loaded[number] }
            guard task.hasBundle else {
                if let old { remove(old, number) }
                continue
            }
            do throws(Fault) {
                try serve(task, number, old, from: store, into: engine)
                state.withLock { $0.failures[number] = nil }
            } catch {
                giveUp(task, number, old, error)
                mayHeal = mayHeal || error.mayHealByItself
            }
        }
        if mayHeal { retryLater() } else { state.withLock { $0.pause = nil } }
    }

    /// Tries once more what failed: a folder that was not there yet, memory that is free later.
    private func retryLater() {
        let pause = state.withLock { state -> Interval? in
            if state.retryIsDue { return nil }
            state.retryIsDue = true
            let next = state.pause.map { min($0 + $0, Self.pauses.longest) } ?? Self.pauses.first
            state.pause = next
            return next
        }
        guard let pause else { return }
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(pause.nanoseconds))) { [weak self] in
            guard let self, !isStopping.load(ordering: .relaxed) else { return }
            state.withLock { $0.retryIsDue = false }
            update()
        }
    }

    private func serve(
        _ task: Blueprint.Task, _ number: Int, _ old: Loaded?, from store: BundleStore,
        into engine: NodeEngine?
    ) throws(Fault) {
        guard let tier = task.tier, case .bundle(let id) = tier.model else { return }
        var new: Loaded
        let isSame = old?.serves(id, tier) ?? false
        if let old, isSame {
            guard old.accept != tier.accept || old.measure != task.measure else {
                // An edit that asked for another one, in vain, was taken back.
                return hosts.each { $0.shard.isServed(task: number) }
            }
            new = Loaded(
                id: id, name: old.name, model: old.model, source: old.source, accept: tier.accept,
                measure: task.measure, engine: tier.engine)
        } else {
            guard let engine else { return }
            let (name, source, model) = try load(id, tier, from: store, into: engine)
            new = Loaded(
                id: id, name: name, model: model, source: source, accept: tier.accept,
                measure: task.measure, engine: tier.engine)
        }
        do throws(Fault) {
            new.bar = try Bars.bar(of: tier, measure: task.measure, new.source)
            announce(new, task)
            install(new, number, isNew: !isSame, replacing: isSame ? nil : old)
        } catch {
            if !isSame { new.model.close() }
            throw error
        }
    }

    private func load(
        _ id: Digest, _ tier: TierPlan, from store: BundleStore, into engine: NodeEngine
    ) throws(Fault) -> (String, ModelSource, any LoadedModel) {
        let bundle = try store.open(id)
        let source = try ModelSource(bundle)
        let context = context
        let name = context.names.name
        let place = "\(context.topology.place(of: "nodes", name, "budget", "memory"))"
        // Verified a moment ago, but read again now.
        try bundle.recheckModel()
        if tier.engine == .isolated { try allowIsolated(engine) }
        let home: EngineHome = tier.engine == .isolated ? .isolated : .inProcess
        let model = try engine.load(source, in: home, place: place)
        return ("\(bundle.name) \(bundle.version)", source, model)
    }

    private func announce(_ new: Loaded, _ task: Blueprint.Task) {
        context.log.info(
            "model loaded",
            metadata: [
                "task": "\(task.name)", "bundle": "\(new.name)", "id": "\(new.id.short)",
                "bar": "\(new.bar.map { "\($0.value)" } ?? "none")",
                "engine": "\(new.engine.rawValue)",
            ])
    }

    /// Gives the model to every loop; when all have it, what it replaces may end.
    private func install(_ new: Loaded, _ number: Int, isNew: Bool, replacing old: Loaded?) {
        state.withLock { $0.loaded[number] = new }
        let served = ServedModel(
            model: new.model, bundle: new.id.description,
            isClassifier: !new.source.labels.isEmpty, measure: new.measure,
            isIsolated: new.engine == .isolated,
            longestInference: context.blueprint.node.limits.inference)
        let bar = new.bar
        hosts.each { $0.shard.install(served, task: number, bar: bar) }
        if isNew {
            let model = ObjectIdentifier(new.model)
            new.model.watch { [weak self] in self?.changed($0, task: number, of: model) }
        }
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
        let why = "\(fault)\(rest)"
        // What is tried again and again says it once.
        let known = state.withLock { $0.failures.updateValue(why, forKey: number) }
        if known != why {
            context.log.error(
                "the model of '\(task.name)' is not served: \(why)",
                metadata: ["task": "\(task.name)"])
        }
        hosts.each { $0.shard.giveUp(task: number, why) }
    }

    // MARK: The engine

    /// Whether the task's bundle is not the one that serves it.
    private func isToLoad(_ number: Int) -> Bool {
        let (tasks, loaded) = state.withLock { ($0.context.blueprint.tasks, $0.loaded) }
        guard case .bundle(let id)? = tasks[number].tier?.model else { return false }
        return loaded[number]?.serves(id, tasks[number].tier!) != true
    }

    /// The engine, made when the first model is wanted.
    private func engine() -> NodeEngine {
        if let engine = state.withLock({ $0.engine }) { return engine }
        let settings = settings
        let made = NodeEngine(settings, time: MonotonicTime())
        state.withLock { $0.engine = made }
        hosts.each { $0.shard.hear(.workers(settings.workers)) }
        return made
    }

    /// Makes what isolated engines need, when the first of them is wanted.
    private func allowIsolated(_ engine: NodeEngine) throws(Fault) {
        guard state.withLock({ $0.processes }) == nil, let frames = context.frames else { return }
        let launcher = try EngineProcesses(log: context.log)
        state.withLock { $0.processes = launcher }
        context.budget.cut(from: frames)
        engine.isolate(IsolatedHome(frames: frames, launcher: launcher))
    }

    /// An isolated engine ended, or serves again.
    private func changed(
        _ condition: EngineCondition, task number: Int, of model: ObjectIdentifier
    ) {
        let (context, loaded) = state.withLock { ($0.context, $0.loaded[number]) }
        // It may have been replaced since.
        guard let loaded, ObjectIdentifier(loaded.model) == model else { return }
        let name = context.blueprint.tasks[number].name
        let about: Logger.Metadata = ["task": "\(name)"]
        switch condition {
        case .serving: context.log.info("the engine of '\(name)' serves again", metadata: about)
        case .restarting(let why):
            context.log.warning("the engine of '\(name)' ended: \(why)", metadata: about)
        case .down(let why):
            context.log.error(
                "the engine of '\(name)' stays down until the topology is read again: \(why)",
                metadata: about)
        }
        let bar = loaded.bar
        hosts.each { $0.shard.engine(of: number, is: condition, bar: bar) }
    }

    private var settings: EngineSettings {
        let context = context
        let node = context.blueprint.node
        // Loops and workers share the cores; a worker that waits for a core costs less than an idle
        // core costs.
        let workers = node.workers ?? Machine.cores
        var settings = EngineSettings(
            workers: workers, memoryBudget: node.budget.memory,
            hardware: [node.hardware.rawValue],
            queueDepth: (workers + Admission.ahead) * context.loops,
            cacheFolder: CacheFolder.path, pixelLimit: node.limits.pixels,
            allocator: context.budget)
        settings.inferenceLimit = node.limits.inference
        return settings
    }
}

extension Fault {
    /// Whether a model that was not to be had for this may be had later, with the topology as it
    /// is: a file that is on its way, memory that others hold now.
    fileprivate var mayHealByItself: Bool {
        code != .invalid && code != .unsupported && code != .precondition
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
