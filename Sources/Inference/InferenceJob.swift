public import Ground
internal import Synchronization

/// What a model is asked about.
public enum InferenceInput: Sendable {
    /// A whole JPEG or PNG file, for a model whose bundle says how to prepare it.
    case image(Bytes)
    /// Every input of the model by name; or the encoded image as one BYTES element.
    case tensors([Tensor])
}

/// Which queue a job waits in: every waiting realtime job goes before every other one.
public enum Lane: Sendable {
    case realtime
    case other
}

/// One request to a model. It may be cancelled until a worker takes it.
public final class InferenceJob: Sendable {
    private enum State: UInt8 { case waiting, started, cancelled }

    /// The caller's name for it; comes back in the outcome.
    public let tag: UInt64
    public let input: InferenceInput
    public let lane: Lane
    /// From this moment on the job is not run any more.
    public let deadline: Instant
    /// Who hears the outcome.
    public let sink: any CompletionSink
    private let state = Atomic<UInt8>(State.waiting.rawValue)

    public init(
        tag: UInt64, input: InferenceInput, lane: Lane, deadline: Instant,
        sink: any CompletionSink
    ) {
        self.tag = tag
        self.input = input
        self.lane = lane
        self.deadline = deadline
        self.sink = sink
    }

    /// Gives the job up. `true` when no worker had taken it: it is then not run, and its outcome is
    /// `.cancelled`.
    @discardableResult
    public func cancel() -> Bool { move(to: .cancelled) }

    /// Takes the job for a worker; `false` when it was cancelled before.
    func start() -> Bool { move(to: .started) }

    var isCancelled: Bool { state.load(ordering: .acquiring) == State.cancelled.rawValue }

    private func move(to next: State) -> Bool {
        state.compareExchange(
            expected: State.waiting.rawValue, desired: next.rawValue,
            ordering: .acquiringAndReleasing
        ).exchanged
    }
}

/// Hears outcomes: exactly one for each job that `submit` accepted.
public protocol CompletionSink: AnyObject, Sendable {
    /// Called on a worker's thread; for a job that was already cancelled or expired when another
    /// one needed its place, or that was waiting when its model was closed, on the thread that
    /// submitted or closed. No lock is held.
    func completed(_ outcome: InferenceOutcome)
}

/// How long the stages of one job took.
public struct InferenceTimes: Sendable, Equatable {
    /// From `submit` until a worker took it.
    public var queued = Interval.zero
    /// Checking the input, decoding and preparing it.
    public var preprocess = Interval.zero
    /// The model itself.
    public var infer = Interval.zero
    /// Scores, labels and copying the outputs.
    public var postprocess = Interval.zero

    public init() {}
}

/// What became of a job.
public struct InferenceOutcome: Sendable {
    /// The job's tag.
    public let tag: UInt64
    public let result: Result<InferenceResult, Fault>
    public let times: InferenceTimes

    public init(tag: UInt64, result: Result<InferenceResult, Fault>, times: InferenceTimes) {
        self.tag = tag
        self.result = result
        self.times = times
    }
}

/// A model's answer.
public struct InferenceResult: Sendable {
    /// The tensors that the model's signature lists as outputs, in its order.
    public let outputs: [Tensor]
    /// The surest classes, surest first; empty for a raw model and for an answer that is not
    /// well-formed.
    public let classes: [ClassScore]
    /// How sure the model is; `nil` for a raw model.
    public let scores: Scores?

    public init(outputs: [Tensor], classes: [ClassScore], scores: Scores?) {
        self.outputs = outputs
        self.classes = classes
        self.scores = scores
    }

    /// The labels (BYTES) and probabilities (FP32) of `classes` as they go over the wire: the two
    /// outputs that a classification adds. `nil` where `classes` is empty.
    public var listed: (labels: Tensor, probabilities: Tensor)? {
        guard !classes.isEmpty, outputs.count >= 2 else { return nil }
        return (outputs[outputs.count - 1], outputs[outputs.count - 2])
    }
}

/// One class and its calibrated probability.
public struct ClassScore: Sendable, Equatable {
    public let index: Int
    public let label: String
    /// From 0 to 1, after the temperature.
    public let probability: Double

    public init(index: Int, label: String, probability: Double) {
        self.index = index
        self.label = label
        self.probability = probability
    }
}
