import Ground
import Inference
import Routing
import Wire

/// What a request asks for, checked: everything of it but the payload.
struct FrameWork {
    let task: Int
    let options: FrameOptions
    let arrivedAt: Instant
    let deadline: Instant
    /// Who asks; `nil` is anybody.
    let tenant: Tenant?
    /// The trace that the caller says it belongs to, or `nil`.
    let trace: CallerTrace?

    /// No caller waits longer than this for one frame, whatever it says.
    static let longestDeadline = Interval.seconds(60)

    /// Reads a request's parameters and settles its deadline: the shorter of what the transport and
    /// the request say, and the task's own for those who say nothing.
    ///
    /// - Parameters:
    ///   - runtime: the task.
    ///   - callTimeout: what the transport says, as `grpc-timeout` does.
    /// - Throws: `invalid` or `notFound` that names what came and what may stand there.
    init(
        _ request: InferRequest, task: Int, of runtime: TaskRuntime, callTimeout: Interval?,
        tenant: Tenant? = nil, trace: CallerTrace?, now: Instant
    ) throws(Fault) {
        try Self.checkVersion(request.version, of: runtime)
        self.task = task
        self.tenant = tenant
        options = try FrameOptions(request.parameters)
        arrivedAt = now
        // A caller who states a time is believed; the task's own time is for those who do not.
        var time = options.timeout ?? callTimeout ?? runtime.deadline
        if let callTimeout { time = min(time, callTimeout) }
        deadline = now + min(time, Self.longestDeadline)
        self.trace = trace
    }

    /// A caller who names a bundle gets that one or nothing.
    private static func checkVersion(
        _ version: String, of task: TaskRuntime
    ) throws(Fault) {
        if version.isEmpty { return }
        guard let asked = Digest(version) else {
            throw Fault(
                .invalid, "model_version is '\(version)', which can change its meaning",
                source: .client,
                remedy: "leave it empty for what the topology pins, or give a digest sha256:…")
        }
        guard asked.description == task.model?.bundle else {
            throw Fault(
                .notFound, "'\(task.name)' is not served here by bundle \(asked)",
                source: .client,
                remedy: task.model.map { "it is served by \($0.bundle)" }
                    ?? "leave model_version empty: no bundle of it is loaded here")
        }
    }
}

extension InferRequest {
    /// Bytes of tensor contents: what an escalation costs, nearly.
    var payloadBytes: Int { inputs.reduce(0) { $0 + $1.contents.count } }

    /// The request's inputs as the engine takes them; nothing is copied.
    var inferenceInput: InferenceInput {
        .tensors(
            inputs.map { input in
                Tensor(
                    name: input.name, type: input.datatype,
                    shape: input.shape, bytes: input.contents)
            })
    }
}

extension Frame {
    /// The request that escalates this frame: the same inputs, what remains of the time, and this
    /// node among those that the frame has come through.
    func escalation(
        isCanopy: Bool, model: String, via node: String, remaining: Interval
    ) -> InferRequest {
        var copy = request
        copy.model = model
        copy.version = ""
        copy.outputs = []
        copy.parameters = Parameters()
        copy.parameters["timeout"] = .int64(max(1, remaining.nanoseconds / 1_000))
        guard isCanopy else { return copy }
        copy.parameters["canopy.class"] = .string(options.workClass.rawValue)
        copy.parameters["canopy.mode"] = .string(Mode.wait.rawValue)
        copy.parameters["canopy.via"] = .string((options.via + [node]).joined(separator: ","))
        if let stream = options.stream { copy.parameters["canopy.stream"] = .string(stream) }
        if let number = options.sequence {
            copy.parameters["canopy.sequence"] = .int64(Int64(number))
        }
        if let time = options.capturedAt { copy.parameters["canopy.captured_at"] = time }
        if let bar = options.accept { copy.parameters["canopy.accept"] = .double(bar) }
        tellUnsureAnswer(&copy.parameters)
        return copy
    }

    /// Says what the node that the frame came to had answered itself: above it is kept with the
    /// frame, to learn from. Nodes between hand it on.
    private func tellUnsureAnswer(_ parameters: inout Parameters) {
        if isFromNode {
            for name in UnsureAnswer.names { parameters[name] = request.parameters[name] }
        } else if options.via.isEmpty, let outcome, let model, let best = outcome.classes.first {
            parameters[UnsureAnswer.label] = .string(best.label)
            parameters[UnsureAnswer.bundle] = .string(model.bundle)
            if let scores = outcome.scores {
                parameters[UnsureAnswer.confidence] = .double(model.confidence(of: scores))
            }
        }
    }
}

/// The parameters in which a node says what it had answered itself.
enum UnsureAnswer {
    static let label = "canopy.unsure_label"
    static let confidence = "canopy.unsure_confidence"
    static let bundle = "canopy.unsure_bundle"
    static let names = [label, confidence, bundle]
}
