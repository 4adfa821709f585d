public import Ground

/// A REST answer.
public struct JSONAnswer: Sendable {
    /// The value for `Inference-Header-Content-Length`, when binary data follows the JSON.
    public var headerLength: Int?
    /// Slices to be sent one after the other.
    public var body: [Bytes]
}

extension InferResponse {
    /// The answer to `request` in JSON.
    ///
    /// Outputs go out as binary data behind the JSON where the request asks for it (an output's
    /// `binary_data`, or `binary_data_output` for all others), as slices. BYTES elements are
    /// strings; when one of an output is not UTF-8 all of it are base64, and its `canopy.encoding`
    /// says so. A number that JSON cannot say (infinite, or none) is `null`.
    public func json(answering request: InferRequest) -> JSONAnswer {
        let byDefault = request.parameters.bool("binary_data_output") ?? false
        var tail: [Bytes] = []
        var json = JSONWriter()
        json.object { json in
            json.key("model_name")
            json.string(model)
            json.key("model_version")
            json.string(version)
            if !id.isEmpty {
                json.key("id")
                json.string(id)
            }
            json.parameters(parameters)
            json.key("outputs")
            json.array { json in
                for output in outputs {
                    let asked = request.outputs.first { $0.name == output.name }
                    if asked?.parameters.bool("binary_data") ?? byDefault {
                        json.output(output, binary: true)
                        tail.append(output.contents)
                    } else {
                        json.output(output, binary: false)
                    }
                }
            }
        }
        let head = json.bytes
        return JSONAnswer(headerLength: tail.isEmpty ? nil : head.count, body: [head] + tail)
    }
}

extension JSONWriter {
    fileprivate mutating func output(_ output: InferTensor, binary: Bool) {
        let base64 = !binary && output.datatype == .bytes && !output.isText
        var parameters = output.parameters
        if binary { parameters["binary_data_size"] = .int64(Int64(output.contents.count)) }
        if base64 { parameters["canopy.encoding"] = .string("base64") }
        object { json in
            json.key("name")
            json.string(output.name)
            json.key("datatype")
            json.string(output.datatype.rawValue)
            json.key("shape")
            json.array { for size in output.shape { $0.integer(size) } }
            json.parameters(parameters)
            if !binary {
                json.key("data")
                json.data(output, base64: base64)
            }
        }
    }

    /// Writes the member `parameters`, unless there are none.
    fileprivate mutating func parameters(_ parameters: Parameters) {
        guard !parameters.isEmpty else { return }
        key("parameters")
        object { json in
            for entry in parameters.entries {
                json.key(entry.name)
                switch entry.value {
                case .bool(let value): json.bool(value)
                case .int64(let value): json.integer(value)
                case .uint64(let value): json.integer(value)
                case .double(let value): json.number(value)
                case .string(let value): json.string(value)
                }
            }
        }
    }
}

extension InferTensor {
    /// Whether every element of a BYTES tensor is UTF-8.
    fileprivate var isText: Bool {
        (elements ?? []).allSatisfy { element in
            element.withUnsafeBytes {
                String(validating: $0.assumingMemoryBound(to: UInt8.self), as: UTF8.self) != nil
            }
        }
    }
}
