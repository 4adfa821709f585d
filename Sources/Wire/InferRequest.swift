internal import CProtobufC
internal import CWire
public import Ground

/// A ModelInferRequest: infer `inputs` with `model`.
public struct InferRequest: WireMessage {
    /// An output that the client asks for.
    public struct Output: Sendable, Equatable {
        public var name: String
        public var parameters: Parameters

        public init(name: String, parameters: Parameters = [:]) {
            self.name = name
            self.parameters = parameters
        }
    }

    /// The task.
    public var model: String
    /// Empty for what is pinned, or a bundle's digest.
    public var version: String
    /// The client's name for this request; may be empty. Answers carry it back.
    public var id: String
    public var parameters: Parameters
    public var inputs: [InferTensor]
    /// Empty when every output is wanted.
    public var outputs: [Output]

    public init(
        model: String, version: String = "", id: String = "", parameters: Parameters = [:],
        inputs: [InferTensor], outputs: [Output] = []
    ) {
        self.model = model
        self.version = version
        self.id = id
        self.parameters = parameters
        self.inputs = inputs
        self.outputs = outputs
    }

    /// Reads a ModelInferRequest; the tensors' contents are slices of `bytes` where they came raw.
    public static func decode(_ bytes: Bytes) throws(Fault) -> InferRequest {
        let split = try SplitMessage(bytes, rawField: 7, "ModelInferRequest", from: .client)
        return try unpacking(
            split.rest, "ModelInferRequest", from: .client,
            with: inference__model_infer_request__unpack
        ) { (c) throws(Fault) in try InferRequest(c, raw: split.raw) }
    }

    public func encode() -> [Bytes] {
        withArena { arena in
            let message = UnsafeRawPointer(packed(arena))
            return ScatteredMessage(rawField: 7, contents: inputs.map(\.contents), wrapper: nil)
                .assemble(message.assumingMemoryBound(to: ProtobufCMessage.self))
        }
    }
}

extension InferRequest {
    private init(_ c: Inference__ModelInferRequest, raw: [Bytes]) throws(Fault) {
        guard c.n_outputs <= WireLimits.tensors else {
            throw excess(.client, "requested outputs", c.n_outputs, WireLimits.tensors)
        }
        self.init(
            model: try text(c.model_name, "model_name", .client),
            version: try text(c.model_version, "model_version", .client),
            id: try text(c.id, "id", .client),
            parameters: try Parameters(c.parameters, c.n_parameters, of: "the request", .client),
            inputs: try InferTensor.read(
                c.inputs, c.n_inputs, raw: raw, "inputs", .client, CTensor.init),
            outputs: try list(c.outputs, c.n_outputs) { (c) throws(Fault) in
                let name = try text(c.name, "a requested output's name", .client)
                return Output(
                    name: name,
                    parameters: try Parameters(
                        c.parameters, c.n_parameters, of: "output '\(name)'", .client))
            })
    }

    private func packed(_ arena: Arena) -> UnsafeMutablePointer<Inference__ModelInferRequest> {
        let c = arena.make(inference__model_infer_request__init)
        c.pointee.model_name = arena.text(model)
        c.pointee.model_version = arena.text(version)
        c.pointee.id = arena.text(id)
        (c.pointee.parameters, c.pointee.n_parameters) = parameters.packed(arena)
        c.pointee.n_inputs = inputs.count
        c.pointee.inputs = arena.array(inputs) { input in
            let c: UnsafeMutablePointer<Inference__ModelInferRequest__InferInputTensor>? =
                arena.make(inference__model_infer_request__infer_input_tensor__init)
            c!.pointee.name = arena.text(input.name)
            c!.pointee.datatype = arena.text(input.datatype.rawValue)
            c!.pointee.n_shape = input.shape.count
            c!.pointee.shape = arena.shape(input.shape)
            (c!.pointee.parameters, c!.pointee.n_parameters) = input.parameters.packed(arena)
            return c
        }
        c.pointee.n_outputs = outputs.count
        c.pointee.outputs = arena.array(outputs) { output in
            let c: UnsafeMutablePointer<Inference__ModelInferRequest__InferRequestedOutputTensor>? =
                arena.make(inference__model_infer_request__infer_requested_output_tensor__init)
            c!.pointee.name = arena.text(output.name)
            (c!.pointee.parameters, c!.pointee.n_parameters) = output.parameters.packed(arena)
            return c
        }
        return c
    }
}
