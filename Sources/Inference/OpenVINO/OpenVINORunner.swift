internal import Ground

/// Runs a compiled model: one request and one image pipeline for each worker that there is.
final class OpenVINORunner: ModelRunner, @unchecked Sendable {
    /// A worker's tools, made when it comes and given back when it goes.
    private final class Tools {
        let request: OpenVINORequest
        let pipeline: ImagePipeline?

        init(request: OpenVINORequest, pipeline: ImagePipeline?) {
            self.request = request
            self.pipeline = pipeline
        }
    }

    /// Where one worker, and nobody else, keeps its tools.
    private final class Desk { var tools: Tools? }

    let plan: ModelPlan
    private let preprocessing: Preprocessing
    private let model: OpenVINOCompiled
    private let pixelLimit: Int
    private let time: any TimeSource
    private let writer: AnswerWriter
    private let desks: [Desk]

    /// Makes the first worker's tools, so that its first frame does not pay for them.
    init(
        _ source: ModelSource, _ model: OpenVINOCompiled, settings: EngineSettings,
        time: any TimeSource
    ) throws(Fault) {
        self.model = model
        self.time = time
        pixelLimit = settings.pixelLimit
        preprocessing = source.preprocessing
        plan = try ModelPlan(source, inputs: model.inputs, outputs: model.outputs)
        writer = AnswerWriter(plan: plan, allocator: settings.allocator)
        desks = (0..<settings.workers).map { _ in Desk() }
        desks[0].tools = try makeTools()
    }

    /// A request that has run once on zeros: the first run pays for what OpenVINO puts off.
    private func makeTools() throws(Fault) -> Tools {
        let pipeline: ImagePipeline? =
            if case .image(let image) = preprocessing {
                try ImagePipeline(image, pixelLimit: pixelLimit)
            } else { nil }
        let request = try OpenVINORequest(model)
        for (index, input) in plan.signature.inputs.enumerated() {
            // A free axis is tried with one element.
            _ = try request.room(input: index, shape: input.shape.map { max($0, 1) })
        }
        try request.infer()
        return Tools(request: request, pipeline: pipeline)
    }

    private func tools(of worker: Int) throws(Fault) -> Tools {
        if let tools = desks[worker].tools { return tools }
        let made = try makeTools()
        desks[worker].tools = made
        return made
    }

    func release(worker: Int) { desks[worker].tools = nil }

    func run(
        _ input: InferenceInput, worker: Int, times: inout InferenceTimes
    ) throws(Fault) -> InferenceResult {
        let request = try infer(input, worker: worker, times: &times)
        let inferred = time.now
        defer { times.postprocess = time.now - inferred }
        return try writer.answer(request)
    }

    /// Runs the model; its outputs stay in the request until the worker's next inference.
    func infer(
        _ input: InferenceInput, worker: Int, times: inout InferenceTimes
    ) throws(Fault) -> OpenVINORequest {
        let tools = try tools(of: worker)
        let start = time.now
        switch try plan.check(input) {
        case .image(let file): try prepare(file, with: tools)
        case .tensors(let tensors): try prepare(tensors, with: tools)
        }
        let prepared = time.now
        times.preprocess = prepared - start
        try tools.request.infer()
        times.infer = time.now - prepared
        return tools.request
    }

    private func prepare(_ file: Bytes, with tools: Tools) throws(Fault) {
        guard let pipeline = tools.pipeline else {
            throw Fault(.inner, "an image came for a model that takes none")
        }
        let expected = plan.signature.inputs[plan.input]
        try file.withUnsafeBytes { bytes throws(Fault) in
            try pipeline.run(bytes) { shape throws(Fault) in
                guard expected.admits(shape: shape) else {
                    throw Fault(
                        .invalid,
                        "input \"\(expected.name)\": the image becomes \(shape); "
                            + "\(expected.shape) was expected", source: .client,
                        remedy: "send frames of the proportions that the model was made for")
                }
                return try tools.request.room(input: plan.input, shape: shape)
            }
        }
    }

    private func prepare(_ tensors: [Tensor], with tools: Tools) throws(Fault) {
        for (index, tensor) in tensors.enumerated() {
            try tensor.bytes.withUnsafeBytes { bytes throws(Fault) in
                if index == plan.input, case .tensor(let rule) = preprocessing, !rule.isIdentity {
                    let room = try tools.request.room(input: index, shape: tensor.shape)
                    normalize(bytes, with: rule, into: room)
                } else {
                    // The job holds the slab until its outcome is out, so the pointer outlives the
                    // inference.
                    try tools.request.borrow(bytes, input: index, shape: tensor.shape)
                }
            }
        }
    }
}
