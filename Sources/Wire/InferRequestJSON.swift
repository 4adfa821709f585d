public import Ground

extension InferRequest {
    /// Reads the body of `POST /v2/models/M/infer`; model and version stand in its path.
    ///
    /// With the binary extension, `headerLength` is the value of `Inference-Header-Content-Length`:
    /// that many bytes are JSON, and what follows are the contents of the inputs that say
    /// `binary_data_size`, as slices. Strings of a BYTES input are UTF-8, or base64 where the input
    /// or the request says `canopy.encoding: base64`. Unknown members are skipped.
    public static func decodeJSON(
        _ body: Bytes, headerLength: Int? = nil, model: String, version: String = ""
    ) throws(Fault) -> InferRequest {
        guard (0...body.count).contains(headerLength ?? 0) else {
            throw refusal(
                .client,
                "Inference-Header-Content-Length is \(headerLength!), expected 0 to \(body.count)")
        }
        var document = RequestJSON(body: body, tail: headerLength ?? body.count)
        let text = body[0..<document.tail]
        try text.withUnsafeBytes { (raw) throws(Fault) in
            var reader = JSONReader(raw)
            try document.read(&reader)
            try reader.end()
            try document.readTensors(raw)
        }
        guard document.tail == body.count else {
            throw refusal(
                .client,
                "\(body.count - document.tail) bytes lie behind the last input's binary data",
                remedy: "make each binary_data_size say its input's bytes")
        }
        return InferRequest(
            model: model, version: version, id: document.id, parameters: document.parameters,
            inputs: document.tensors, outputs: document.outputs)
    }
}

/// A request's document while it is read. A tensor's data may stand before its type, so data is
/// remembered by its place and read when everything is known.
private struct RequestJSON {
    struct Input {
        var name = ""
        var datatype: Datatype?
        var shape: [Int]?
        var parameters: Parameters = [:]
        /// Offset of the data array.
        var data: Int?
    }

    let body: Bytes
    /// Where the next input's binary data begins.
    var tail: Int
    var id = ""
    var parameters: Parameters = [:]
    var inputs: [Input] = []
    var outputs: [InferRequest.Output] = []
    var tensors: [InferTensor] = []

    init(body: Bytes, tail: Int) {
        self.body = body
        self.tail = tail
    }

    mutating func read(_ reader: inout JSONReader) throws(Fault) {
        try reader.object { (reader, name) throws(Fault) in
            switch name {
            case "id": id = try reader.string()
            case "parameters": parameters = try Parameters(&reader, of: "the request")
            case "inputs":
                try reader.array { (reader) throws(Fault) in
                    guard inputs.count < WireLimits.tensors else {
                        throw excess(.client, "inputs", inputs.count + 1, WireLimits.tensors)
                    }
                    inputs.append(try Input(&reader))
                }
            case "outputs":
                try reader.array { (reader) throws(Fault) in
                    guard outputs.count < WireLimits.tensors else {
                        throw excess(
                            .client, "requested outputs", outputs.count + 1, WireLimits.tensors)
                    }
                    outputs.append(try InferRequest.Output(&reader))
                }
            default: try reader.skip()
            }
        }
    }

    mutating func readTensors(_ raw: UnsafeRawBufferPointer) throws(Fault) {
        tensors.reserveCapacity(inputs.count)
        for input in inputs { tensors.append(try tensor(input, raw)) }
    }

    private mutating func tensor(
        _ input: Input, _ raw: UnsafeRawBufferPointer
    ) throws(Fault) -> InferTensor {
        guard let datatype = input.datatype, let shape = input.shape else {
            throw refusal(
                .client, "input '\(input.name)' needs a shape and a datatype",
                remedy: "datatypes are \(Datatype.names)")
        }
        var tensor = InferTensor(
            name: input.name, datatype: datatype, shape: shape, contents: Bytes([]),
            parameters: input.parameters)
        if input.parameters["binary_data_size"] != nil {
            tensor.contents = try binary(input)
            tensor.parameters["binary_data_size"] = nil
        } else if let data = input.data {
            let encoding =
                input.parameters.string("canopy.encoding") ?? parameters.string("canopy.encoding")
            guard encoding == nil || encoding == "base64" else {
                throw refusal(
                    .client, "canopy.encoding of input '\(input.name)' is '\(encoding!)'",
                    remedy: "write base64, or leave it out for UTF-8")
            }
            var reader = JSONReader(raw, at: data)
            tensor.contents = try TensorJSON(
                name: input.name, datatype: datatype, shape: shape, base64: encoding != nil,
                memory: body.slab
            ).read(&reader)
        }
        try tensor.check(.client)
        return tensor
    }

    private mutating func binary(_ input: Input) throws(Fault) -> Bytes {
        guard input.data == nil else {
            throw refusal(.client, "input '\(input.name)' has data and binary_data_size")
        }
        let size = input.parameters.integer("binary_data_size") ?? -1
        guard size >= 0, size <= body.count - tail else {
            throw refusal(
                .client,
                "binary_data_size of input '\(input.name)' is \(size), and"
                    + " \(body.count - tail) bytes are left behind the JSON",
                remedy: "set Inference-Header-Content-Length to the length of the JSON")
        }
        defer { tail += size }
        return body[tail..<tail + size]
    }
}

extension RequestJSON.Input {
    init(_ reader: inout JSONReader) throws(Fault) {
        self.init()
        var name = ""
        var type: String?
        try reader.object { (reader, key) throws(Fault) in
            switch key {
            case "name": name = try reader.string()
            case "datatype": type = try reader.string()
            case "shape": shape = try reader.shape(of: name)
            case "parameters": parameters = try Parameters(&reader, of: "input '\(name)'")
            case "data":
                reader.skipSpace()
                data = reader.offset
                try reader.skip()
            default: try reader.skip()
            }
        }
        self.name = name
        guard let type else { return }
        guard let datatype = Datatype(rawValue: type) else {
            throw refusal(
                .client, "input '\(name)' has the unknown datatype '\(type)'",
                remedy: "use one of \(Datatype.names)")
        }
        self.datatype = datatype
    }
}

extension InferRequest.Output {
    fileprivate init(_ reader: inout JSONReader) throws(Fault) {
        self.init(name: "")
        try reader.object { (reader, key) throws(Fault) in
            switch key {
            case "name": name = try reader.string()
            case "parameters": parameters = try Parameters(&reader, of: "output '\(name)'")
            default: try reader.skip()
            }
        }
    }
}

extension JSONReader {
    fileprivate mutating func shape(of input: String) throws(Fault) -> [Int] {
        var shape: [Int] = []
        try array { (reader) throws(Fault) in
            guard shape.count < WireLimits.rank else {
                throw excess(
                    .client, "dimensions of input '\(input)'", shape.count + 1, WireLimits.rank)
            }
            guard let size = try reader.number().whole(Int.self), size >= 0 else {
                throw refusal(
                    .client,
                    "dimension \(shape.count) of input '\(input)' is no whole number from 0")
            }
            shape.append(size)
        }
        return shape
    }
}

extension Parameters {
    /// Reads an object of plain values; of two members with one name the later holds.
    init(_ reader: inout JSONReader, of owner: String) throws(Fault) {
        self.init()
        var parameters = Parameters()
        try reader.object { (reader, key) throws(Fault) in
            guard parameters.count < WireLimits.parameters else {
                throw excess(
                    .client, "parameters of \(owner)", parameters.count + 1, WireLimits.parameters)
            }
            switch try reader.peek() {
            case .bool: parameters[key] = .bool(try reader.bool())
            case .string: parameters[key] = .string(try reader.string())
            case .number:
                switch try reader.number() {
                case .int64(let value): parameters[key] = .int64(value)
                case .uint64(let value): parameters[key] = .uint64(value)
                case .double(let value): parameters[key] = .double(value)
                }
            default:
                throw refusal(
                    .client, "parameter '\(key)' of \(owner) is no truth value, number or string")
            }
        }
        self = parameters
    }
}
