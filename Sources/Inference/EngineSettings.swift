public import Ground

/// What a node gives its engine.
public struct EngineSettings: Sendable {
    /// Threads at most that run models, each one frame at a time; they come with the load. With
    /// several, one is always left to realtime jobs.
    public var workers: Int
    /// Threads that one inference may use. 1 answers the most frames; more makes a single large one
    /// faster.
    public var threadsPerWorker: Int
    /// How long a worker waits for a job before it goes, with the memory that it keeps.
    public var idle = EngineSettings.defaultIdle
    /// How long an inference may run before its isolated engine is taken for wedged and started
    /// again.
    public var inferenceLimit = EngineSettings.defaultInferenceLimit
    /// Jobs that wait at most in each lane of a model. 64 is two seconds of one camera, more than
    /// any deadline.
    public var queueDepth: Int
    /// Bytes that the loaded models may need together.
    public var memoryBudget: Int
    /// The node's hardware classes: `cpu`, `intel-gpu`, `intel-npu`.
    public var hardware: [String]
    /// Where compiled models are kept, so that a start takes a fraction; `nil` keeps none.
    public var cacheFolder: String?
    /// Width × height of the largest image that is decoded.
    public var pixelLimit: Int
    /// Where the memory of answers comes from; the heap when `nil`.
    public var allocator: (any SlabAllocator)?
    /// OpenVINO's C library, a file or its folder; `nil` looks in `CANOPY_OPENVINO`, in `.venv` and
    /// in the system.
    public var library: String?

    public init(
        workers: Int, memoryBudget: Int, hardware: [String] = ["cpu"], threadsPerWorker: Int = 1,
        queueDepth: Int = 64, cacheFolder: String? = nil,
        pixelLimit: Int = EngineSettings.defaultPixelLimit,
        allocator: (any SlabAllocator)? = nil, library: String? = nil
    ) {
        self.workers = workers
        self.threadsPerWorker = threadsPerWorker
        self.queueDepth = queueDepth
        self.memoryBudget = memoryBudget
        self.hardware = hardware
        self.cacheFolder = cacheFolder
        self.pixelLimit = pixelLimit
        self.allocator = allocator
        self.library = library
    }

    /// Ten seconds: longer than the gaps of a camera's events, so that a stream of them keeps its
    /// workers; making one again takes some milliseconds.
    public static let defaultIdle = Interval.seconds(10)
    /// Five seconds: ten times what the slowest model for a camera takes on a slow core; and every
    /// frame that runs into it has long been answered upstream.
    public static let defaultInferenceLimit = Interval.seconds(5)
    /// DCI 4K, 4096 × 2160: above every common camera. Its pixels take 35 MB while they are
    /// decoded.
    public static let defaultPixelLimit = 4096 * 2160
}
