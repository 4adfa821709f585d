internal import CProtobufC
internal import CWire
public import Ground

/// A ModelInferResponse.
public struct InferResponse: WireMessage {
    public var model: String
    public var version: String
    /// The request's id.
    public var id: String
    public var parameters: Parameters
    public var outputs: [InferTensor]

    public init(
        model: String, version: String = "", id: String = "", parameters: Parameters = [:],
        outputs: [InferTensor]
    ) {
        self.model = model
        self.version = version
        self.id = id
        self.parameters = parameters
        self.outputs = outputs
    }

    /// Reads a ModelInferResponse; the tensors' contents are slices of `bytes` where they came raw.
    public static func decode(_ bytes: Bytes) throws(Fault) -> InferResponse {
        let split = try SplitMessage(bytes, rawField: 6, "ModelInferResponse", from: .peer)
        return try unpacking(
            split.rest, "ModelInferResponse", from: .peer,
            with: inference__model_infer_response__unpack
        ) { (c) throws(Fault) in try InferResponse(c, raw: split.raw) }
    }

    public func encode() -> [Bytes] { scattered(wrapper: nil) }

    /// The message alone, or as field `wrapper` of another.
    func scattered(wrapper: Int?) -> [Bytes] {
        withArena { arena in
            let message = UnsafeRawPointer(packed(arena))
            return ScatteredMessage(
                rawField: 6, contents: outputs.map(\.contents), wrapper: wrapper
            ).assemble(message.assumingMemoryBound(to: ProtobufCMessage.self))
        }
    }
}

extension InferResponse {
    private init(_ c: Inference__ModelInferResponse, raw: [Bytes]) throws(Fault) {
        self.init(
            model: try text(c.model_name, "model_name", .peer),
            version: try text(c.model_version, "model_version", .peer),
            id: try text(c.id, "id", .peer),
            parameters: try Parameters(c.parameters, c.n_parameters, of: "the response", .peer),
            outputs: try InferTensor.read(
                c.outputs, c.n_outputs, raw: raw, "outputs", .peer, CTensor.init))
    }

    private func packed(_ arena: Arena) -> UnsafeMutablePointer<Inference__ModelInferResponse> {
        let c = arena.make(inference__model_infer_response__init)
        c.pointee.model_name = arena.text(model)
        c.pointee.model_version = arena.text(version)
        c.pointee.id = arena.text(id)
        (c.pointee.parameters, c.pointee.n_parameters) = parameters.packed(arena)
        c.pointee.n_outputs = outputs.count
        c.pointee.outputs = arena.array(outputs) { output in
            let c: UnsafeMutablePointer<Inference__ModelInferResponse__InferOutputTensor>? =
                arena.make(inference__model_infer_response__infer_output_tensor__init)
            c!.pointee.name = arena.text(output.name)
            c!.pointee.datatype = arena.text(output.datatype.rawValue)
            c!.pointee.n_shape = output.shape.count
            c!.pointee.shape = arena.shape(output.shape)
            (c!.pointee.parameters, c!.pointee.n_parameters) = output.parameters.packed(arena)
            return c
        }
        return c
    }
}
