internal import CWire
public import Ground

/// Name, type and shape of a model's input or output; -1 stands for any size.
public struct TensorMetadata: Sendable, Equatable {
    public var name: String
    public var datatype: Datatype
    public var shape: [Int]

    public init(name: String, datatype: Datatype, shape: [Int]) {
        self.name = name
        self.datatype = datatype
        self.shape = shape
    }
}

/// A ModelMetadataResponse.
public struct ModelMetadata: WireMessage, Equatable {
    public var name: String
    public var versions: [String]
    public var platform: String
    public var inputs: [TensorMetadata]
    public var outputs: [TensorMetadata]

    public init(
        name: String, versions: [String] = [], platform: String, inputs: [TensorMetadata],
        outputs: [TensorMetadata]
    ) {
        self.name = name
        self.versions = versions
        self.platform = platform
        self.inputs = inputs
        self.outputs = outputs
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> ModelMetadata {
        try unpacking(
            bytes, "ModelMetadataResponse", from: .peer,
            with: inference__model_metadata_response__unpack
        ) { (c) throws(Fault) in
            let tensors = max(c.n_inputs, c.n_outputs)
            guard tensors <= WireLimits.tensors else {
                throw excess(.peer, "tensors of a model", tensors, WireLimits.tensors)
            }
            return ModelMetadata(
                name: try text(c.name, "name", .peer),
                versions: try texts(c.versions, c.n_versions, "versions", .peer),
                platform: try text(c.platform, "platform", .peer),
                inputs: try list(c.inputs, c.n_inputs, TensorMetadata.init),
                outputs: try list(c.outputs, c.n_outputs, TensorMetadata.init))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(inference__model_metadata_response__init)
            c.pointee.name = arena.text(name)
            c.pointee.n_versions = versions.count
            c.pointee.versions = arena.array(versions, arena.text)
            c.pointee.platform = arena.text(platform)
            c.pointee.n_inputs = inputs.count
            c.pointee.inputs = arena.array(inputs) { $0.packed(arena) }
            c.pointee.n_outputs = outputs.count
            c.pointee.outputs = arena.array(outputs) { $0.packed(arena) }
            return c
        }
    }
}

extension TensorMetadata {
    fileprivate typealias CMetadata = Inference__ModelMetadataResponse__TensorMetadata

    fileprivate init(_ c: CMetadata) throws(Fault) {
        let name = try text(c.name, "a tensor's name", .peer)
        let type = try text(c.datatype, "the datatype of tensor '\(name)'", .peer)
        guard let datatype = Datatype(rawValue: type) else {
            throw refusal(
                .peer, "tensor '\(name)' has the unknown datatype '\(type)'",
                remedy: "use one of \(Datatype.names)")
        }
        self.init(
            name: name, datatype: datatype,
            shape: try Wire.shape(c.shape, c.n_shape, of: name, open: true, .peer))
    }

    fileprivate func packed(_ arena: Arena) -> UnsafeMutablePointer<CMetadata>? {
        let c = arena.make(inference__model_metadata_response__tensor_metadata__init)
        c.pointee.name = arena.text(name)
        c.pointee.datatype = arena.text(datatype.rawValue)
        c.pointee.n_shape = shape.count
        c.pointee.shape = arena.shape(shape)
        return c
    }
}
