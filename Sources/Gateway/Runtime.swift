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

    /// An inference that has run for longer than this is stuck.
    var longestInference = EngineSettings.defaultInferenceLimit

    /// Whether it answers now: its engine runs, and no worker is stuck in it.
    func answers(now: Instant) -> Bool {
        guard model.condition == .serving else { return false }
        return model.runningSince.map { now - $0 <= longestInference } ?? true
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
}
