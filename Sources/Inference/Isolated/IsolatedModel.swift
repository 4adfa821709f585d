internal import Ground
internal import Synchronization

/// A model in a process of its own. Its jobs wait here, in its own pool: whatever becomes of the
/// process, no other model's worker waits for it.
final class IsolatedModel: LoadedModel, EngineKeeper.Client, @unchecked Sendable {
    private struct State {
        var condition = EngineCondition.restarting("it has not begun")
        var signature: ModelSignature?
        var restarts = 0
        var watchers: [@Sendable (EngineCondition) -> Void] = []
        var isClosed = false
    }

    let id: Digest
    private let source: ModelSource
    private let runner: IsolatedRunner
    private let pool: WorkerPool
    private let queue: JobQueue
    private let release: @Sendable () -> Void
    private let state = Mutex(State())
    private var keeper: EngineKeeper?

    /// Starts the engine and waits until it serves.
    ///
    /// - Throws: why it does not; nothing is left of it then.
    init(
        _ source: ModelSource, on hardware: String, settings: EngineSettings,
        home: IsolatedHome, time: any TimeSource, release: @escaping @Sendable () -> Void
    ) throws(Fault) {
        id = source.id
        self.source = source
        self.release = release
        let allocator: any SlabAllocator = settings.allocator ?? HeapAllocator()
        runner = IsolatedRunner(frames: home.frames, allocator: allocator, time: time)
        pool = try WorkerPool(workers: settings.workers, idle: settings.idle, time: time)
        queue = pool.open(runner, depth: settings.queueDepth)
        let keeper = EngineKeeper(
            EngineOrder(source, hardware: hardware, settings: settings), source,
            frames: home.frames, launcher: home.launcher, time: time,
            limit: settings.inferenceLimit, client: self)
        self.keeper = keeper
        do throws(Fault) {
            try keeper.begin()
        } catch {
            pool.stop()
            state.withLock { $0.isClosed = true }
            throw error
        }
    }

    deinit { close() }

    var signature: ModelSignature {
        state.withLock { $0.signature }
            ?? ModelSignature(inputs: [], encodedImage: nil, outputs: [])
    }
    var waiting: Int { pool.waiting(in: queue) }
    var runningSince: Instant? { pool.runningSince(in: queue) }
    var condition: EngineCondition { state.withLock { $0.condition } }
    var longest: Interval? { runner.longest }
    var failures: Int { runner.failures }
    var isViolated: Bool { runner.isViolated }

    var counters: EngineCounters {
        var counters = EngineCounters()
        counters.workers = pool.alive
        counters.restarts = state.withLock { $0.restarts }
        counters.copiedBytes = runner.copiedBytes
        return counters
    }

    func watch(_ body: @escaping @Sendable (EngineCondition) -> Void) {
        let condition = state.withLock { state in
            state.watchers.append(body)
            return state.condition
        }
        if condition != .serving { body(condition) }
    }

    func submit(_ job: InferenceJob) -> Bool {
        condition == .serving && pool.submit(job, to: queue)
    }

    func close() {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        pool.close(queue)
        // The keeper stays until the last inference has ended, or was ended.
        pool.stop()
        keeper?.end()
        release()
    }

    // MARK: The keeper's thread

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
