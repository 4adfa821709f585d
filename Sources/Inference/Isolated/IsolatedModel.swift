internal import Ground
internal import Synchronization

/// A model in a process of its own. Its jobs wait here, in its own pool: whatever becomes of the
/// process, no other model's worker waits for it.
final class IsolatedModel: LoadedModel {
    let id: Digest
    private let core: IsolatedCore
    private let keeper: EngineKeeper
    private let release: @Sendable () -> Void
    private let isClosed = Atomic(false)

    /// Starts the engine and waits until it serves.
    ///
    /// - Throws: why it does not; nothing is left of it then.
    init(
        _ source: ModelSource, on hardware: String, settings: EngineSettings,
        home: IsolatedHome, time: any TimeSource, release: @escaping @Sendable () -> Void
    ) throws(Fault) {
        id = source.id
        self.release = release
        core = try IsolatedCore(source, settings: settings, frames: home.frames, time: time)
        keeper = EngineKeeper(
            EngineOrder(source, hardware: hardware, settings: settings), source,
            frames: home.frames, launcher: home.launcher, time: time,
            limit: settings.inferenceLimit, client: core)
        do throws(Fault) {
            try keeper.begin()
        } catch {
            core.pool.stop()
            isClosed.store(true, ordering: .relaxed)
            throw error
        }
    }

    deinit { close() }

    var signature: ModelSignature {
        core.state.withLock { $0.signature }
            ?? ModelSignature(inputs: [], encodedImage: nil, outputs: [])
    }
    var waiting: Int { core.pool.waiting(in: core.queue) }
    var runningSince: Instant? { core.runningSince }
    var condition: EngineCondition { core.state.withLock { $0.condition } }

    var counters: EngineCounters {
        var counters = EngineCounters()
        counters.workers = core.pool.alive
        counters.restarts = core.state.withLock { $0.restarts }
        counters.copiedBytes = core.runner.copiedBytes
        return counters
    }

    func watch(_ body: @escaping @Sendable (EngineCondition) -> Void) {
        let condition = core.state.withLock { state in
            state.watchers.append(body)
            return state.condition
        }
        if condition != .serving { body(condition) }
    }

    func submit(_ job: InferenceJob) -> Bool {
        condition == .serving && core.pool.submit(job, to: core.queue)
    }

    func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        core.pool.close(core.queue)
        // The keeper stays until the last inference has ended, or was ended.
        core.pool.stop()
        keeper.end()
        release()
    }
}

/// What an isolated model and its keeper's thread share. It outlives that thread, which the model
/// waits for when it goes.
private final class IsolatedCore: EngineKeeper.Client {
    struct State {
        var condition = EngineCondition.restarting("it has not begun")
        var signature: ModelSignature?
        var restarts = 0
        var watchers: [@Sendable (EngineCondition) -> Void] = []
    }

    let runner: IsolatedRunner
    let pool: WorkerPool
    let queue: JobQueue
    let state = Mutex(State())
    private let source: ModelSource

    init(
        _ source: ModelSource, settings: EngineSettings, frames: FrameArena, time: any TimeSource
    ) throws(Fault) {
        self.source = source
        let allocator: any SlabAllocator = settings.allocator ?? HeapAllocator()
        runner = IsolatedRunner(frames: frames, allocator: allocator, time: time)
        pool = try WorkerPool(
            workers: settings.workers, idle: settings.idle, computes: false, time: time)
        queue = pool.open(runner, depth: settings.queueDepth)
    }

    var runningSince: Instant? { pool.runningSince(in: queue) }
    var longest: Interval? { runner.longest }
    var failures: Int { runner.failures }
    var isViolated: Bool { runner.isViolated }

    func began(_ channel: EngineChannel, _ report: EngineReport) throws(Fault) {
        let plan = try ModelPlan(source, inputs: report.inputs, outputs: report.outputs)
        runner.serve(channel, plan)
        change(to: .serving) { state in
            if state.signature != nil { state.restarts += 1 }
            state.signature = plan.signature
        }
    }

    func ended(_ condition: EngineCondition) {
        runner.rest()
        change(to: condition) { _ in }
        pool.flush(queue, because: "the model's engine ended")
    }

    private func change(to condition: EngineCondition, _ also: (inout State) -> Void) {
        let watchers = state.withLock { state in
            state.condition = condition
            also(&state)
            return state.watchers
        }
        for watcher in watchers { watcher(condition) }
    }
}

/// Memory without a budget, for engines that are used without a node.
private final class HeapAllocator: SlabAllocator {
    func allocate(capacity: Int) -> Slab? { Slab(capacity: capacity) }
}
