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
        var usual = TensorMessage()
        guard usual.read(bytes, rawField: 6) else { return try decodeAny(bytes) }
        // Exchanged, so that no reference is counted.
        var response = InferResponse(model: "", outputs: [])
        swap(&response.model, &usual.model)
        swap(&response.version, &usual.version)
        swap(&response.id, &usual.id)
        swap(&response.parameters, &usual.parameters)
        swap(&response.outputs, &usual.tensors)
        return response
    }

    /// Reads a message of any form with protobuf-c.
    static func decodeAny(_ bytes: Bytes) throws(Fault) -> InferResponse {
        let split = try SplitMessage(bytes, rawField: 6, "ModelInferResponse", from: .peer)
        return try unpacking(
            split.rest, "ModelInferResponse", from: .peer,
            with: inference__model_infer_response__unpack
        ) { (c) throws(Fault) in try InferResponse(c, raw: split.raw, bytes.slab) }
    }

    public func encode() -> [Bytes] { scattered(wrapper: nil) }

    /// The message alone, or as field `wrapper` of another.
    func scattered(wrapper: Int?) -> [Bytes] {
        TensorMessage.encode(
            model: model, version: version, id: id, parameters: parameters, tensors: outputs,
            rawField: 6, wrapper: wrapper)
    }
}

extension InferResponse {
    private init(
        _ c: Inference__ModelInferResponse, raw: [Bytes], _ memory: Slab
    ) throws(Fault) {
        self.init(
            model: try text(c.model_name, "model_name", .peer),
            version: try text(c.model_version, "model_version", .peer),
            id: try text(c.id, "id", .peer),
            parameters: try Parameters(c.parameters, c.n_parameters, of: "the response", .peer),
            outputs: try InferTensor.read(
                c.outputs, c.n_outputs, raw: raw, "outputs", .peer, memory, CTensor.init))
    }
}
