import Ground
import Inference
import Synchronization

/// A model behind the engine's port that does what a test says, at once or when it is told.
final class FakeModel: LoadedModel {
    enum Behaviour: Sendable {
        case answers(String, confidence: Double)
        case fails(Fault)
        case isFull
        case holds
    }

    private let state: Mutex<(behaviour: Behaviour, held: [InferenceJob], seen: Int)>

    let id = Digest("sha256:" + String(repeating: "1", count: 64))!
    let signature = ModelSignature(
        inputs: [TensorSpecification(name: "image", type: .bytes, shape: [1])], encodedImage: nil,
        outputs: [])

    init(_ behaviour: Behaviour) { state = Mutex((behaviour, [], 0)) }

    /// Jobs that came so far.
    var seen: Int { state.withLock { $0.seen } }
    var waiting: Int { state.withLock { $0.held.count } }
    var runningSince: Instant? { stuck.withLock { $0 } }
    private let stuck = Mutex<Instant?>(nil)

    var condition: EngineCondition { ill.withLock { $0 } }
    private let ill = Mutex<EngineCondition>(.serving)

    /// Its engine is so from now on.
    func become(_ condition: EngineCondition) { ill.withLock { $0 = condition } }

    /// One of its jobs has been running since then; `nil` when none runs.
    func runs(since: Instant?) { stuck.withLock { $0 = since } }

    /// Takes the held jobs out.
    func takeHeld() -> [InferenceJob] {
        state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
    }

    /// Behaves so from now on, for what it holds too.
    func become(_ behaviour: Behaviour) {
        let held = state.withLock { state in
            state.behaviour = behaviour
            defer { state.held = [] }
            return state.held
        }
        for job in held { _ = submit(job) }
    }

    func submit(_ job: InferenceJob) -> Bool {
        let behaviour = state.withLock { state in
            state.seen += 1
            if case .holds = state.behaviour { state.held.append(job) }
            return state.behaviour
        }
        switch behaviour {
        case .answers(let label, let confidence):
            let result = InferenceResult(
                outputs: Self.listed(label, confidence),
                classes: [ClassScore(index: 7, label: label, probability: confidence)],
                scores: Scores(maxSoftmax: confidence, margin: confidence, entropy: confidence))
            complete(job, .success(result))
        case .fails(let fault): complete(job, .failure(fault))
        case .isFull: return false
        case .holds: break
        }
        return true
    }

    /// The outputs that a classification adds.
    private static func listed(_ label: String, _ probability: Double) -> [Tensor] {
        let text = Array(label.utf8)
        let count = withUnsafeBytes(of: UInt32(text.count).littleEndian) { Array($0) }
        let value = withUnsafeBytes(of: Float(probability)) { Array($0) }
        return [
            Tensor(name: "probabilities", type: .fp32, shape: [1], bytes: Bytes(value)),
            Tensor(name: "labels", type: .bytes, shape: [1], bytes: Bytes(count + text)),
        ]
    }

    private func complete(_ job: InferenceJob, _ result: Result<InferenceResult, Fault>) {
        job.sink.completed(
            InferenceOutcome(tag: job.tag, result: result, times: InferenceTimes()))
    }

    func close() {}
}
