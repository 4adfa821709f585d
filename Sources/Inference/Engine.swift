public import Ground

/// Runs models. The port has two homes: this process, or a supervised child; both give the same
/// answers.
public protocol Engine: AnyObject, Sendable {
    /// Reads, compiles and warms a model up, so that its first answer is as fast as any. Blocks:
    /// never on a loop.
    ///
    /// - Parameter place: where the model was asked for, such as `topology.yaml:12
    /// - Throws: `.exhausted` when it needs more memory than is left, `.unsupported` when this node
    func load(_ source: ModelSource, place: String) throws(Fault) -> any LoadedModel

    /// Bytes that the loaded models said they need.
    var memoryInUse: Int { get }

    /// Ends the workers after what they are running; what waits ends as `.unavailable`. Blocks
    /// until they ended.
    func shutdown()
}

/// Where a model runs.
public enum EngineHome: String, CaseIterable, Sendable {
    /// In the node's own process.
    case inProcess = "in-process"
    /// In a supervised process of its own: what kills that costs this model alone.
    case isolated
}

/// Whether a loaded model answers now.
public enum EngineCondition: Equatable, Sendable {
    case serving
    /// Its engine ended and starts again: why it ended.
    case restarting(String)
    /// Its engine ended too often, and stays down until it is loaded anew: why it ended last.
    case down(String)
}

/// What a model's engine has counted.
public struct EngineCounters: Equatable, Sendable {
    /// Workers that there are now.
    public var workers = 0
    /// Engines that were started again after a crash.
    public var restarts = 0
    /// Bytes of frames that were copied on their way to another process.
    public var copiedBytes = 0

    public init() {}
}

/// A model that answers.
public protocol LoadedModel: AnyObject, Sendable {
    /// The bundle that it came from.
    var id: Digest { get }
    var signature: ModelSignature { get }
    /// Jobs that wait, in both lanes.
    var waiting: Int { get }
    /// Since when the job that runs longest has been running; `nil` when none runs. An inference
    /// that has been running for many seconds is stuck.
    var runningSince: Instant? { get }
    /// Whether it answers now. While it does not, what is submitted is refused.
    var condition: EngineCondition { get }
    var counters: EngineCounters { get }
    /// Calls `body` with every change of the condition, in their order, on a thread of the engine;
    /// and at once, where the model does not serve now.
    func watch(_ body: @escaping @Sendable (EngineCondition) -> Void)

    /// Queues a job. `false` when its lane is full or the model is closed: there is then no
    /// outcome. Never blocks.
    func submit(_ job: InferenceJob) -> Bool

    /// Takes no more jobs; what waits ends as `.unavailable`, what runs ends normally. Gives its
    /// memory back.
    func close()
}

/// A model in the node's process is there or is not.
extension LoadedModel {
    public var condition: EngineCondition { .serving }
    public var counters: EngineCounters { EngineCounters() }
    public func watch(_ body: @escaping @Sendable (EngineCondition) -> Void) {}
}
