import Ground
import HTTP
import Inference
import Node
import Routing
import Topology

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
    /// Which calibrated score is judged.
    var measure = ConfidenceMeasure.maxSoftmax

    /// The calibrated score that is judged.
    func confidence(of scores: Scores) -> Double {
        switch measure {
        case .maxSoftmax: scores.maxSoftmax
        case .margin: scores.margin
        case .entropy: scores.entropy
        }
    }

    /// Whether its engine is one of its own.
    var isIsolated = false
    /// An inference that has run for longer than this is stuck.
    var longestInference = EngineSettings.defaultInferenceLimit

    /// How a model is, in one word for people.
    enum State: String {
        case ready
        /// A worker does not come back from it.
        case stuck
        /// Its engine ended and starts again.
        case restarting
        /// Its engine ended too often.
        case down
    }

    func state(now: Instant) -> State {
        switch model.condition {
        case .restarting: return .restarting
        case .down: return .down
        case .serving:
            let isStuck = model.runningSince.map { now - $0 > longestInference } ?? false
            return isStuck ? .stuck : .ready
        }
    }

    /// Whether it answers now: its engine runs, and no worker is stuck in it.
    func answers(now: Instant) -> Bool { state(now: now) == .ready }
}

/// A task as one shard sees it, confined to its loop. A class: every frame asks several times, and
/// a copy would count a reference for each of its parts.
final class TaskRuntime {
    let name: String
    let mode: Mode
    let deadline: Interval
    /// Frames are answered with their own inputs, on the loop.
    let isIdentity: Bool
    /// The model that answers here, or `nil` while there is none.
    @exclusivity(unchecked) var model: ServedModel?
    /// A model is on its way; until it is here, or has failed, the task is not ready.
    var isLoading: Bool
    /// Why the model that the topology names does not answer.
    var fault: String?
    /// The labels that the task alerts of, if it does.
    let alertLabels: [String]
    /// From which confidence on; `nil` when the task does not alert.
    let alertFrom: Double?
    /// What is said where nobody has an answer; `nil` says that there is none.
    let safeAnswer: String?
    /// Frames may leave their site, and so be kept elsewhere.
    let mayLeave: Bool
    /// When it was last told that frames are shed, and whether that the engine is lost.
    var shedNotedAt: Instant?
    var isLossNoted = false
    /// It came while the node ran: the node does not cease to be ready for it.
    var isLate = false
    /// A later topology serves it no more.
    let isRetired: Bool

    init(_ task: Blueprint.Task) {
        name = task.name
        mode = task.mode
        deadline = task.plan.deadline
        isIdentity = task.tier?.model == .identity
        isLoading = task.hasBundle
        alertLabels = task.plan.alert?.labels ?? []
        alertFrom = task.plan.alert?.at
        safeAnswer = task.plan.safeAnswer
        mayLeave = task.plan.payload == .mayLeaveSite
        isRetired = task.isRetired
    }

    /// The same task under a new topology: its model goes on until another is there.
    func succeeding(_ old: TaskRuntime) -> TaskRuntime {
        model = old.model
        fault = old.fault
        (shedNotedAt, isLossNoted) = (old.shedNotedAt, old.isLossNoted)
        isLate = old.isLate || old.isRetired
        isLoading = isLoading && old.model == nil && (old.isLoading || isLate)
        return self
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
