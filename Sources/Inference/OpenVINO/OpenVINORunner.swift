internal import Ground

/// Runs a compiled model: one request and one image pipeline for each worker.
final class OpenVINORunner: ModelRunner, @unchecked Sendable {
    /// What only one worker touches.
    private final class Desk {
        let request: OpenVINORequest
        let pipeline: ImagePipeline?

        init(request: OpenVINORequest, pipeline: ImagePipeline?) {
            self.request = request
            self.pipeline = pipeline
        }
    }

    let plan: ModelPlan
    private let preprocessing: Preprocessing
    private let model: OpenVINOCompiled
    private let time: any TimeSource
    private let writer: AnswerWriter
    private let desks: [Desk]

    /// Makes the requests and runs each once on zeros, so that the first frame does not pay for
    /// what OpenVINO puts off.
    init(
        _ source: ModelSource, _ model: OpenVINOCompiled, settings: EngineSettings,
        time: any TimeSource
    ) throws(Fault) {
        self.model = model
        self.time = time
        preprocessing = source.preprocessing
        plan = try ModelPlan(source, inputs: model.inputs, outputs: model.outputs)
        writer = AnswerWriter(plan: plan, allocator: settings.allocator)
        var desks: [Desk] = []
        for _ in 0..<settings.workers {
            let pipeline: ImagePipeline? =
                if case .image(let image) = source.preprocessing {
                    try ImagePipeline(image, pixelLimit: settings.pixelLimit)
                } else { nil }
            desks.append(Desk(request: try OpenVINORequest(model), pipeline: pipeline))
        }
        self.desks = desks
        try warmUp()
    }

    private func warmUp() throws(Fault) {
        for desk in desks {
            for (index, input) in plan.signature.inputs.enumerated() {
                // A free axis is tried with one element.
                let shape = input.shape.map { max($0, 1) }
                _ = try desk.request.room(input: index, shape: shape)
            }
            try desk.request.infer()
        }
    }

    func run(
        _ input: InferenceInput, worker: Int, times: inout InferenceTimes
    ) throws(Fault) -> InferenceResult {
        let desk = desks[worker]
        let start = time.now
        switch input {
        case .image(let file): try prepare(file, on: desk)
        case .tensors(let tensors): try prepare(tensors, on: desk)
        }
        let prepared = time.now
        times.preprocess = prepared - start
        try desk.request.infer()
        let inferred = time.now
        times.infer = inferred - prepared
        defer { times.postprocess = time.now - inferred }
        return try writer.answer(desk.request)
    }

    private func prepare(_ file: Bytes, on desk: Desk) throws(Fault) {
        guard let pipeline = desk.pipeline else {
            let inputs = plan.signature.inputs.map(\.text).joined(separator: " and ")
            throw Fault(
                .invalid, "an encoded image came; the model takes \(inputs)", source: .client,
                remedy: "send the values as a raw tensor")
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
                return try desk.request.room(input: plan.input, shape: shape)
            }
        }
    }

    private func prepare(_ tensors: [Tensor], on desk: Desk) throws(Fault) {
        if let encoded = plan.signature.encodedImage, tensors.count == 1,
            tensors[0].type == .bytes
        {
            return try prepare(try encodedImage(in: tensors[0], input: encoded), on: desk)
        }
        let order = try matchInputs(tensors, with: plan.signature.inputs)
        for (index, position) in order.enumerated() {
            let tensor = tensors[position]
            try tensor.bytes.withUnsafeBytes { bytes throws(Fault) in
                if index == plan.input, case .tensor(let rule) = preprocessing, !rule.isIdentity {
                    let room = try desk.request.room(input: index, shape: tensor.shape)
                    normalize(bytes, with: rule, into: room)
                } else {
                    // The job holds the slab until its outcome is out, so the pointer outlives the
                    // inference.
                    try desk.request.borrow(bytes, input: index, shape: tensor.shape)
                }
            }
        }
    }
}
