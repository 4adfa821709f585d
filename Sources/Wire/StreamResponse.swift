internal import CWire
public import Ground

/// A ModelStreamInferResponse: an answer, or what went wrong with one request of the stream.
public struct StreamResponse: WireMessage {
    /// Empty when all went well.
    public var error: String
    /// The answer. With an error it may still carry the request's id.
    public var response: InferResponse?

    public init(_ response: InferResponse) {
        error = ""
        self.response = response
    }

    /// An error, about the request `id` where one is known. Then its kind travels too: the protocol
    /// has words for it only, and whether another node should be asked must not hang on words.
    public init(error: String, id: String = "", code: Fault.Code? = nil) {
        self.error = error
        response = id.isEmpty ? nil : InferResponse(model: "", id: id, outputs: [])
        if let code { response?.parameters[Self.codeName] = .string(code.description) }
    }

    private static let codeName = "canopy.error"

    /// What went wrong, or `nil` for an answer. Its kind is `inner` where the server does not say.
    public var fault: Fault? {
        guard !error.isEmpty else { return nil }
        let name = response?.parameters.string(Self.codeName)
        let code = Self.codes.first { $0.description == name } ?? .inner
        return Fault(code, error, source: .peer)
    }

    private static let codes: [Fault.Code] = [
        .invalid, .notFound, .unauthenticated, .forbidden, .exhausted, .deadline, .unavailable,
        .cancelled, .unsupported, .precondition, .corrupt, .inner,
    ]

    public static func decode(_ bytes: Bytes) throws(Fault) -> StreamResponse {
        let split = try SplitMessage(bytes, rawField: 2, "ModelStreamInferResponse", from: .peer)
        var message = try unpacking(
            split.rest, "ModelStreamInferResponse", from: .peer,
            with: inference__model_stream_infer_response__unpack
        ) { (c) throws(Fault) in
            StreamResponse(error: try text(c.error_message, "error_message", .peer))
        }
        // Parts of one message field that came in pieces belong together in their order.
        switch split.raw.count {
        case 0: break
        case 1: message.response = try InferResponse.decode(split.raw[0])
        default: message.response = try InferResponse.decode(concatenation(split.raw))
        }
        return message
    }

    public func encode() -> [Bytes] {
        guard !error.isEmpty else {
            return response?.scattered(wrapper: 2) ?? [Bytes([])]
        }
        let head = packing { arena in
            let c = arena.make(inference__model_stream_infer_response__init)
            c.pointee.error_message = arena.text(error)
            return c
        }
        return head + (response?.scattered(wrapper: 2) ?? [])
    }
}
