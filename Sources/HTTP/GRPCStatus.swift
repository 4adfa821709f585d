public import Ground

/// How a gRPC call ended: the code, a sentence, and whether another try can help.
public struct GRPCStatus: Hashable, Sendable, CustomStringConvertible {
    /// The codes of gRPC, by number and name.
    /// Source: https://grpc.github.io/grpc/core/md_doc_statuscodes.html
    public enum Code: Int, Sendable, CaseIterable {
        case ok = 0, cancelled, unknown, invalidArgument, deadlineExceeded, notFound
        case alreadyExists, permissionDenied, resourceExhausted, failedPrecondition, aborted
        case outOfRange, unimplemented, `internal`, unavailable, dataLoss, unauthenticated
    }

    public var code: Code
    public var message: String
    public var retry: Fault.Retry

    public init(_ code: Code, _ message: String = "", retry: Fault.Retry = .never) {
        self.code = code
        self.message = message
        self.retry = retry
    }

    public static let ok = GRPCStatus(.ok)

    public var description: String {
        message.isEmpty ? "\(code)" : "\(code): \(message)"
    }
}
