public import Ground

// The ONE mapping between `Fault`, gRPC status and HTTP status.

extension Fault.Code {
    /// gRPC code and HTTP status of each kind of fault, in one table.
    static let statuses: [(code: Fault.Code, grpc: GRPCStatus.Code, http: Int)] = [
        (.invalid, .invalidArgument, 400),
        (.unauthenticated, .unauthenticated, 401),
        (.forbidden, .permissionDenied, 403),
        (.notFound, .notFound, 404),
        (.precondition, .failedPrecondition, 409),
        (.exhausted, .resourceExhausted, 429),
        (.cancelled, .cancelled, 499),
        (.inner, .internal, 500),
        (.corrupt, .dataLoss, 500),
        (.unsupported, .unimplemented, 501),
        (.unavailable, .unavailable, 503),
        (.deadline, .deadlineExceeded, 504),
    ]

    /// The gRPC status code that tells of this kind of fault.
    public var grpcCode: GRPCStatus.Code {
        Self.statuses.first { $0.code == self }?.grpc ?? .unknown
    }

    /// The HTTP status that tells of this kind of fault.
    public var httpStatus: Int {
        Self.statuses.first { $0.code == self }?.http ?? 500
    }
}

extension GRPCStatus.Code {
    /// The kind of fault that a peer's code tells of; `nil` for `ok`.
    public var faultCode: Fault.Code? {
        switch self {
        case .ok: nil
        case .unknown: .inner
        case .alreadyExists, .aborted: .precondition
        case .outOfRange: .invalid
        default: Fault.Code.statuses.first { $0.grpc == self }?.code ?? .inner
        }
    }

    /// What a call without `grpc-status` means, by its HTTP status.
    /// Source: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
    init(httpStatus: Int) {
        switch httpStatus {
        case 400: self = .internal
        case 401: self = .unauthenticated
        case 403: self = .permissionDenied
        case 404: self = .unimplemented
        case 429, 502, 503, 504: self = .unavailable
        default: self = .unknown
        }
    }

    /// What a stream that the peer reset means, by its HTTP/2 error code.
    /// Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#errors
    init(http2Error: UInt32) {
        switch http2Error {
        case 0x7: self = .unavailable
        case 0x8: self = .cancelled
        case 0xb: self = .resourceExhausted
        case 0xc: self = .permissionDenied
        default: self = .internal
        }
    }
}

extension GRPCStatus {
    /// What a caller is told of `fault`: message and remedy, never the cause, which may name our
    /// insides. At most `longestMessage` bytes of it.
    public init(_ fault: Fault) {
        let text = fault.remedy.map { "\(fault.message); \($0)" } ?? fault.message
        self.init(fault.code.grpcCode, Self.clipped(text), retry: fault.retry)
    }

    /// A message travels in a header, and may repeat what the client sent: gRPC's own peers take
    /// 8 KiB of headers, and percent-encoding makes three bytes of one.
    static let longestMessage = 1_024

    private static func clipped(_ text: String) -> String {
        guard text.utf8.count > longestMessage else { return text }
        return String(decoding: text.utf8.prefix(longestMessage), as: UTF8.self) + "…"
    }

    /// The fault that a peer's status tells of; `nil` for `ok`.
    public var fault: Fault? {
        guard let kind = code.faultCode else { return nil }
        var retry = retry
        // A peer that cannot answer now and gives no time is best left for another one.
        if retry == .never && code == .unavailable { retry = .elsewhere }
        return Fault(
            kind, message.isEmpty ? "the peer answered \(code)" : message, source: .peer,
            retry: retry)
    }
}

/// Reason phrases of HTTP/1.1, for the statuses we send.
func reasonPhrase(_ status: Int) -> StaticString {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 499: "Client Closed Request"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Status"
    }
}
