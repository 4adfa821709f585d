internal import CProtobufC
internal import CWire
public import Ground

/// A ModelConfigResponse: the part of Triton's model configuration that its clients read.
public struct ModelConfiguration: WireMessage, Equatable {
    public var name: String
    public var platform: String
    public var backend: String
    /// 0 when the model takes no batch dimension in front of the shapes below.
    public var maximumBatchSize: Int
    public var inputs: [TensorMetadata]
    public var outputs: [TensorMetadata]
    /// Whether one request may get several answers, on a stream.
    public var decoupled: Bool

    public init(
        name: String, platform: String, backend: String, maximumBatchSize: Int = 0,
        inputs: [TensorMetadata], outputs: [TensorMetadata], decoupled: Bool = false
    ) {
        self.name = name
        self.platform = platform
        self.backend = backend
        self.maximumBatchSize = maximumBatchSize
        self.inputs = inputs
        self.outputs = outputs
        self.decoupled = decoupled
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> ModelConfiguration {
        try unpacking(
            bytes, "ModelConfigResponse", from: .peer,
            with: inference__model_config_response__unpack
        ) { (c) throws(Fault) in
            guard let config = c.config?.pointee else {
                throw refusal(.peer, "a ModelConfigResponse without config")
            }
            return try ModelConfiguration(config)
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(inference__model_config_response__init)
            c.pointee.config = packed(arena)
            return c
        }
    }
}

extension ModelConfiguration {
    private init(_ c: Inference__ModelConfig) throws(Fault) {
        let tensors = max(c.n_input, c.n_output)
        guard tensors <= WireLimits.tensors else {
            throw excess(.peer, "tensors of a model", tensors, WireLimits.tensors)
        }
        self.init(
            name: try text(c.name, "name", .peer),
            platform: try text(c.platform, "platform", .peer),
            backend: try text(c.backend, "backend", .peer),
            maximumBatchSize: Int(c.max_batch_size),
            inputs: try list(c.input, c.n_input) { (c) throws(Fault) in
                try TensorMetadata(c.name, c.data_type, c.dims, c.n_dims)
            },
            outputs: try list(c.output, c.n_output) { (c) throws(Fault) in
                try TensorMetadata(c.name, c.data_type, c.dims, c.n_dims)
            },
            decoupled: c.model_transaction_policy.map { $0.pointee.decoupled != 0 } ?? false)
    }

    private func packed(_ arena: Arena) -> UnsafeMutablePointer<Inference__ModelConfig> {
        let c = arena.make(inference__model_config__init)
        c.pointee.name = arena.text(name)
        c.pointee.platform = arena.text(platform)
        c.pointee.backend = arena.text(backend)
        c.pointee.max_batch_size = Int32(clamping: maximumBatchSize)
        c.pointee.n_input = inputs.count
        c.pointee.input = arena.array(inputs) { tensor in
            let c: UnsafeMutablePointer<Inference__ModelInput>? =
                arena.make(inference__model_input__init)
            c!.pointee.name = arena.text(tensor.name)
            c!.pointee.data_type = tensor.datatype.config
            c!.pointee.n_dims = tensor.shape.count
            c!.pointee.dims = arena.shape(tensor.shape)
            return c
        }
        c.pointee.n_output = outputs.count
        c.pointee.output = arena.array(outputs) { tensor in
            let c: UnsafeMutablePointer<Inference__ModelOutput>? =
                arena.make(inference__model_output__init)
            c!.pointee.name = arena.text(tensor.name)
            c!.pointee.data_type = tensor.datatype.config
            c!.pointee.n_dims = tensor.shape.count
            c!.pointee.dims = arena.shape(tensor.shape)
            return c
        }
        c.pointee.model_transaction_policy = arena.make(inference__model_transaction_policy__init)
        c.pointee.model_transaction_policy.pointee.decoupled = decoupled ? 1 : 0
        return c
    }
}

extension TensorMetadata {
    fileprivate init(
        _ name: ProtobufCBinaryData, _ type: Inference__DataType,
        _ dimensions: UnsafeMutablePointer<Int64>?, _ rank: Int
    ) throws(Fault) {
        let name = try text(name, "a tensor's name", .peer)
        guard let datatype = Datatype.allCases.first(where: { $0.config == type }) else {
            throw refusal(.peer, "tensor '\(name)' has the unknown data_type \(type.rawValue)")
        }
        self.init(
            name: name, datatype: datatype,
            shape: try Wire.shape(dimensions, rank, of: name, open: true, .peer))
    }
}

extension Datatype {
    /// The type's number in a model configuration.
    fileprivate var config: Inference__DataType {
        switch self {
        case .bool: INFERENCE__DATA_TYPE__TYPE_BOOL
        case .uint8: INFERENCE__DATA_TYPE__TYPE_UINT8
        case .uint16: INFERENCE__DATA_TYPE__TYPE_UINT16
        case .uint32: INFERENCE__DATA_TYPE__TYPE_UINT32
        case .uint64: INFERENCE__DATA_TYPE__TYPE_UINT64
        case .int8: INFERENCE__DATA_TYPE__TYPE_INT8
        case .int16: INFERENCE__DATA_TYPE__TYPE_INT16
        case .int32: INFERENCE__DATA_TYPE__TYPE_INT32
        case .int64: INFERENCE__DATA_TYPE__TYPE_INT64
        case .fp16: INFERENCE__DATA_TYPE__TYPE_FP16
        case .bf16: INFERENCE__DATA_TYPE__TYPE_BF16
        case .fp32: INFERENCE__DATA_TYPE__TYPE_FP32
        case .fp64: INFERENCE__DATA_TYPE__TYPE_FP64
        case .bytes: INFERENCE__DATA_TYPE__TYPE_STRING
        }
    }

    /// The type's name in a model configuration.
    var configName: String { self == .bytes ? "TYPE_STRING" : "TYPE_\(rawValue)" }
}
