public import Ground
internal import Synchronization

/// The engine in this process: OpenVINO, on workers of its own, which run until `shutdown`.
public final class OpenVINOEngine: Engine {
    private let settings: EngineSettings
    private let time: any TimeSource
    private let core: OpenVINOCore
    private let pool: WorkerPool
    private let admission: Admission

    /// Opens OpenVINO and starts the first worker.
    ///
    /// - Throws: `.unavailable` with what to run when OpenVINO is not installed.
    public convenience init(_ settings: EngineSettings, time: any TimeSource) throws(Fault) {
        try self.init(settings, admission: Admission(settings), time: time)
    }

    /// - Parameter admission: counts the memory of all models of the node.
    init(
        _ settings: EngineSettings, admission: Admission, time: any TimeSource
    ) throws(Fault) {
        precondition(
            settings.workers > 0 && settings.threadsPerWorker > 0 && settings.queueDepth > 0)
        self.settings = settings
        self.time = time
        core = try OpenVINOCore(try OpenVINOLibrary(explicit: settings.library))
        pool = try WorkerPool(workers: settings.workers, idle: settings.idle, time: time)
        self.admission = admission
    }

    /// OpenVINO's version, such as `2026.4.1-22982-…`.
    public var version: String { core.library.version }

    /// Whether OpenVINO is where an engine without an explicit library would look.
    public static var isInstalled: Bool { OpenVINOLibrary.isInstalled }

    public var memoryInUse: Int { admission.memoryInUse }

    public func load(_ source: ModelSource, place: String) throws(Fault) -> any LoadedModel {
        let hardware = try admission.admit(source, place: place)
        do throws(Fault) {
            let runner = try Self.runner(
                source, on: hardware, core: core, settings: settings, time: time)
            let queue = pool.open(runner, depth: settings.queueDepth)
            return PooledModel(
                id: source.id, signature: runner.plan.signature, queue: queue, pool: pool
            ) { [admission] in admission.release(source) }
        } catch {
            admission.release(source)
            var fault = error
            fault.message = "\(place): \(error.message)"
            throw fault
        }
    }

    public func shutdown() { pool.stop() }

    /// Reads and compiles a model for a hardware class.
    static func runner(
        _ source: ModelSource, on hardware: String, core: OpenVINOCore, settings: EngineSettings,
        time: any TimeSource
    ) throws(Fault) -> OpenVINORunner {
        let device = try device(hardware)
        let compiled = try OpenVINOCompiled(
            core, source, device: device, properties: properties(settings, device: device))
        return try OpenVINORunner(source, compiled, settings: settings, time: time)
    }

    private static func device(_ hardware: String) throws(Fault) -> String {
        switch hardware {
        case "cpu": return "CPU"
        case "intel-gpu": return "GPU"
        case "intel-npu": return "NPU"
        default:
            throw Fault(
                .unsupported, "OpenVINO has no device for the hardware class \(hardware)",
                remedy: "use cpu, intel-gpu or intel-npu")
        }
    }

    /// A stream for each worker; no pinning, since other processes share the cores. 32-bit floats
    /// are asked for because some processors would use BF16, whose scores are not those that the
    /// bundle was calibrated on.
    private static func properties(
        _ settings: EngineSettings, device: String
    ) -> [(key: String, value: String)] {
        var list: [(key: String, value: String)] = []
        if let folder = settings.cacheFolder { list.append(("CACHE_DIR", folder)) }
        guard device == "CPU" else { return list }
        return list + [
            ("NUM_STREAMS", "\(settings.workers)"),
            ("INFERENCE_NUM_THREADS", "\(settings.workers * settings.threadsPerWorker)"),
            ("INFERENCE_PRECISION_HINT", "f32"),
            ("ENABLE_CPU_PINNING", "NO"),
        ]
    }
}

/// A model whose jobs run on a pool of workers.
final class PooledModel: LoadedModel {
    let id: Digest
    let signature: ModelSignature
    private let queue: JobQueue
    private let pool: WorkerPool
    private let release: @Sendable () -> Void
    private let isClosed = Atomic(false)

    init(
        id: Digest, signature: ModelSignature, queue: JobQueue, pool: WorkerPool,
        release: @escaping @Sendable () -> Void
    ) {
        self.id = id
        self.signature = signature
        self.queue = queue
        self.pool = pool
        self.release = release
    }

    deinit { close() }

    var waiting: Int { pool.waiting(in: queue) }
    var runningSince: Instant? { pool.runningSince(in: queue) }
    var counters: EngineCounters {
        var counters = EngineCounters()
        counters.workers = pool.alive
        return counters
    }

    func submit(_ job: InferenceJob) -> Bool { pool.submit(job, to: queue) }

    func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        pool.close(queue)
        release()
    }
}
