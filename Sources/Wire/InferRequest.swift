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
        var usual = TensorMessage()
        guard usual.read(bytes, rawField: 7) else { return try decodeAny(bytes) }
        // Exchanged, so that no reference is counted.
        var request = InferRequest(model: "", inputs: [])
        swap(&request.model, &usual.model)
        swap(&request.version, &usual.version)
        swap(&request.id, &usual.id)
        swap(&request.parameters, &usual.parameters)
        swap(&request.inputs, &usual.tensors)
        swap(&request.outputs, &usual.wanted)
        return request
    }

    /// Reads a message of any form with protobuf-c.
    static func decodeAny(_ bytes: Bytes) throws(Fault) -> InferRequest {
        let split = try SplitMessage(bytes, rawField: 7, "ModelInferRequest", from: .client)
        return try unpacking(
            split.rest, "ModelInferRequest", from: .client,
            with: inference__model_infer_request__unpack
        ) { (c) throws(Fault) in try InferRequest(c, raw: split.raw, bytes.slab) }
    }

    public func encode() -> [Bytes] {
        TensorMessage.encode(
            model: model, version: version, id: id, parameters: parameters, tensors: inputs,
            wanted: outputs, rawField: 7, wrapper: nil)
    }
}

extension InferRequest {
    private init(
        _ c: Inference__ModelInferRequest, raw: [Bytes], _ memory: Slab
    ) throws(Fault) {
        guard c.n_outputs <= WireLimits.tensors else {
            throw excess(.client, "requested outputs", c.n_outputs, WireLimits.tensors)
        }
        self.init(
            model: try text(c.model_name, "model_name", .client),
            version: try text(c.model_version, "model_version", .client),
            id: try text(c.id, "id", .client),
            parameters: try Parameters(c.parameters, c.n_parameters, of: "the request", .client),
            inputs: try InferTensor.read(
                c.inputs, c.n_inputs, raw: raw, "inputs", .client, memory, CTensor.init),
            outputs: try list(c.outputs, c.n_outputs) { (c) throws(Fault) in
                let name = try text(c.name, "a requested output's name", .client)
                return Output(
                    name: name,
                    parameters: try Parameters(
                        c.parameters, c.n_parameters, of: "output '\(name)'", .client))
            })
    }
}
