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

    /// Queues a job. `false` when its lane is full or the model is closed: there is then no
    /// outcome. Never blocks.
    func submit(_ job: InferenceJob) -> Bool

    /// Takes no more jobs; what waits ends as `.unavailable`, what runs ends normally. Gives its
    /// memory back.
    func close()
}
