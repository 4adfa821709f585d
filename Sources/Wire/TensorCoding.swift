internal import CProtobufC
internal import CWire
internal import Ground

/// What an input and an output tensor have in common on the wire; protobuf-c makes two types of it.
struct CTensor {
    var name: ProtobufCBinaryData
    var datatype: ProtobufCBinaryData
    var shape: UnsafeMutablePointer<Int64>?
    var rank: Int
    var parameters: CParameters?
    var parameterCount: Int
    var contents: UnsafeMutablePointer<Inference__InferTensorContents>?

    init(_ c: Inference__ModelInferRequest__InferInputTensor) {
        (name, datatype, contents) = (c.name, c.datatype, c.contents)
        (shape, rank, parameters, parameterCount) = (
            c.shape, c.n_shape, c.parameters, c.n_parameters
        )
    }

    init(_ c: Inference__ModelInferResponse__InferOutputTensor) {
        (name, datatype, contents) = (c.name, c.datatype, c.contents)
        (shape, rank, parameters, parameterCount) = (
            c.shape, c.n_shape, c.parameters, c.n_parameters
        )
    }
}

extension InferTensor {
    /// Reads one tensor, with `raw` for its contents or, where there are no raw contents, its own.
    ///
    /// - Parameter memory: the message's, where typed contents get theirs from.
    init(
        _ c: CTensor, raw: Bytes?, _ source: Fault.Source, _ memory: Slab
    ) throws(Fault) {
        let name = try text(c.name, "a tensor's name", source)
        let type = try text(c.datatype, "the datatype of tensor '\(name)'", source)
        guard let datatype = Datatype(rawValue: type) else {
            throw refusal(
                source, "tensor '\(name)' has the unknown datatype '\(type)'",
                remedy: "use one of \(Datatype.names)")
        }
        let parameters = try Parameters(
            c.parameters, c.parameterCount, of: "tensor '\(name)'", source)
        let contents: Bytes
        if let raw {
            guard c.contents == nil else {
                throw refusal(source, "tensor '\(name)' has raw contents and typed contents")
            }
            contents = raw
        } else if let typed = c.contents?.pointee {
            contents = try TypedContents(
                contents: typed, tensor: name, datatype: datatype, source: source,
                memory: memory
            ).raw()
        } else {
            contents = .nothing
        }
        self.init(
            name: name, datatype: datatype,
            shape: try Wire.shape(c.shape, c.rank, of: name, open: false, source),
            contents: contents, parameters: parameters)
        try check(source)
    }

    /// Reads all tensors of a message; `raw` are the message's raw contents, one for each or none.
    static func read<C>(
        _ items: UnsafeMutablePointer<UnsafeMutablePointer<C>?>?, _ count: Int, raw: [Bytes],
        _ kind: StaticString, _ source: Fault.Source, _ memory: Slab, _ common: (C) -> CTensor
    ) throws(Fault) -> [InferTensor] {
        guard count <= WireLimits.tensors else {
            throw excess(source, "\(kind)", count, WireLimits.tensors)
        }
        guard raw.isEmpty || raw.count == count else {
            throw refusal(
                source, "\(raw.count) raw contents came for \(count) \(kind)",
                remedy: "send one for each, or none")
        }
        guard let items, count > 0 else { return [] }
        var tensors: [InferTensor] = []
        tensors.reserveCapacity(count)
        for index in 0..<count {
            let tensor = common(items[index]!.pointee)
            tensors.append(
                try InferTensor(tensor, raw: raw.isEmpty ? nil : raw[index], source, memory))
        }
        return tensors
    }
}

extension Arena {
    /// A copy of a shape that the C message may point to.
    func shape(_ shape: [Int]) -> UnsafeMutablePointer<Int64>? {
        array(shape) { Int64($0) }
    }
}
