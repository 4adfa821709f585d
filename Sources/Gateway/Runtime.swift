import Ground
import HTTP
import Inference
import Routing

/// What this node is called, once, as it stands in every answer.
struct NodeNames: Sendable {
    let name: String
    let tier: String
}

/// A model that a task's frames go to, on every shard the same.
struct ServedModel: Sendable {
    let model: any LoadedModel
    /// The bundle's id as text, as answers carry it.
    let bundle: String
    /// Whether its answers are labels with probabilities, and not raw tensors.
    let isClassifier: Bool

    /// An inference that has run for longer than this is stuck: the slowest model that serves
    /// cameras takes a tenth of it, and no caller waits so long without a stated deadline.
    static let longestInference = Interval.seconds(10)

    /// Whether a worker is stuck in this model.
    func isStuck(now: Instant) -> Bool {
        model.runningSince.map { now - $0 > Self.longestInference } ?? false
    }
}

/// A task as one shard sees it.
struct TaskRuntime {
    let name: String
    let measure: ConfidenceMeasure
    let mode: Mode
    let deadline: Interval
    /// Frames are answered with their own inputs, on the loop.
    let isIdentity: Bool
    /// The model that answers here, or `nil` while there is none.
    var model: ServedModel?
    /// A model is on its way; until it is here, or has failed, the task is not ready.
    var isLoading: Bool

    /// The labels that the task alerts of, if it does.
    var alertLabels: [String] = []
    /// What is said where nobody has an answer; `nil` says that there is none.
    var safeAnswer: String?

    /// The calibrated score that this task judges by.
    func confidence(of scores: Scores) -> Double {
        switch measure {
        case .maxSoftmax: scores.maxSoftmax
        case .margin: scores.margin
        case .entropy: scores.entropy
        }
    }
}

/// A node upstream as one shard sees it.
struct PeerRuntime {
    let name: String
    let tier: String
    /// Whether it understands Canopy's parameters; others get the protocol's own and nothing more.
    let speaksCanopy: Bool
    /// What each task is called there, by task.
    let models: [String]
    let pool: ClientPool
    /// What the way there takes, for traces.
    var transit = Transit()
}
