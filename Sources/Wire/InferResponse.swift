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
        if let usual = TensorMessage(bytes, rawField: 6) {
            return InferResponse(
                model: usual.model, version: usual.version, id: usual.id,
                parameters: usual.parameters, outputs: usual.tensors)
        }
        return try decodeAny(bytes)
    }

    /// Reads a message of any form with protobuf-c.
    static func decodeAny(_ bytes: Bytes) throws(Fault) -> InferResponse {
        let split = try SplitMessage(bytes, rawField: 6, "ModelInferResponse", from: .peer)
        return try unpacking(
            split.rest, "ModelInferResponse", from: .peer,
            with: inference__model_infer_response__unpack
        ) { (c) throws(Fault) in try InferResponse(c, raw: split.raw) }
    }

    public func encode() -> [Bytes] { scattered(wrapper: nil) }

    /// The message alone, or as field `wrapper` of another.
    func scattered(wrapper: Int?) -> [Bytes] {
        TensorMessage(
            model: model, version: version, id: id, parameters: parameters, tensors: outputs,
            rawField: 6
        ).encode(wrapper: wrapper)
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
}
