public import Ground

extension ServerMetadata {
    /// The body of `GET /v2`.
    public var json: Bytes {
        var json = JSONWriter()
        json.object { json in
            json.key("name")
            json.string(name)
            json.key("version")
            json.string(version)
            json.key("extensions")
            json.strings(extensions)
        }
        return json.bytes
    }
}

extension ModelMetadata {
    /// The body of `GET /v2/models/M`.
    public var json: Bytes {
        var json = JSONWriter()
        json.object { json in
            json.key("name")
            json.string(name)
            json.key("versions")
            json.strings(versions)
            json.key("platform")
            json.string(platform)
            json.key("inputs")
            json.tensors(inputs, type: "datatype", shape: "shape") { $0.rawValue }
            json.key("outputs")
            json.tensors(outputs, type: "datatype", shape: "shape") { $0.rawValue }
        }
        return json.bytes
    }
}

extension ModelConfiguration {
    /// The body of `GET /v2/models/M/config`.
    public var json: Bytes {
        var json = JSONWriter()
        json.object { json in
            json.key("name")
            json.string(name)
            json.key("platform")
            json.string(platform)
            json.key("backend")
            json.string(backend)
            json.key("max_batch_size")
            json.integer(maximumBatchSize)
            json.key("input")
            json.tensors(inputs, type: "data_type", shape: "dims") { $0.configName }
            json.key("output")
            json.tensors(outputs, type: "data_type", shape: "dims") { $0.configName }
            json.key("model_transaction_policy")
            json.object { json in
                json.key("decoupled")
                json.bool(decoupled)
            }
        }
        return json.bytes
    }
}

extension JSONWriter {
    /// The body of a REST error, as the protocol has it: one member, `error`.
    public static func error(_ message: String) -> Bytes {
        var json = JSONWriter()
        json.object { json in
            json.key("error")
            json.string(message)
        }
        return json.bytes
    }

    fileprivate mutating func tensors(
        _ tensors: [TensorMetadata], type: String, shape: String, _ name: (Datatype) -> String
    ) {
        array { json in
            for tensor in tensors {
                json.object { json in
                    json.key("name")
                    json.string(tensor.name)
                    json.key(type)
                    json.string(name(tensor.datatype))
                    json.key(shape)
                    json.array { for size in tensor.shape { $0.integer(size) } }
                }
            }
        }
    }
}
