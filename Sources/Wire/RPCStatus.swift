internal import CProtobufC
internal import CWire
public import Ground

/// A google.rpc.Status, as gRPC carries it in `grpc-status-details-bin`; of its details only
/// RetryInfo.
public struct RPCStatus: WireMessage, Equatable {
    /// The gRPC status code.
    public var code: Int
    public var message: String
    /// How long to wait before another try, or `nil` when nothing is said.
    public var retryDelay: Interval?

    public init(code: Int, message: String, retryDelay: Interval? = nil) {
        self.code = code
        self.message = message
        self.retryDelay = retryDelay
    }

    private static let retryInfo = "type.googleapis.com/google.rpc.RetryInfo"
    /// Details read at most. The standard ones are ten.
    private static let mostDetails = 16

    /// Reads a status; details of other types are skipped.
    public static func decode(_ bytes: Bytes) throws(Fault) -> RPCStatus {
        try unpacking(bytes, "google.rpc.Status", from: .peer, with: google__rpc__status__unpack) {
            (c) throws(Fault) in
            guard c.n_details <= mostDetails else {
                throw excess(.peer, "status details", c.n_details, mostDetails)
            }
            var status = RPCStatus(
                code: Int(c.code), message: try text(c.message, "message", .peer))
            for index in 0..<c.n_details {
                let detail = c.details[index]!.pointee
                guard try text(detail.type_url, "type_url", .peer) == retryInfo else { continue }
                let value = UnsafeRawBufferPointer(
                    start: detail.value.data, count: detail.value.len)
                status.retryDelay = try delay(Bytes(copying: value))
            }
            return status
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(google__rpc__status__init)
            c.pointee.code = Int32(clamping: code)
            c.pointee.message = arena.text(message)
            guard let retryDelay else { return c }
            let detail: UnsafeMutablePointer<Google__Rpc__Any>? =
                arena.make(google__rpc__any__init)
            detail!.pointee.type_url = arena.text(Self.retryInfo)
            detail!.pointee.value = Self.info(retryDelay)[0].withUnsafeBytes(arena.data)
            c.pointee.n_details = 1
            c.pointee.details = arena.array([detail]) { $0 }
            return c
        }
    }

    private static func delay(_ bytes: Bytes) throws(Fault) -> Interval? {
        try unpacking(
            bytes, "google.rpc.RetryInfo", from: .peer, with: google__rpc__retry_info__unpack
        ) { c in
            guard let delay = c.retry_delay?.pointee else { return nil }
            return .seconds(delay.seconds) + .nanoseconds(Int64(delay.nanos))
        }
    }

    private static func info(_ delay: Interval) -> [Bytes] {
        packing { arena in
            let c = arena.make(google__rpc__retry_info__init)
            c.pointee.retry_delay = arena.make(google__rpc__duration__init)
            c.pointee.retry_delay.pointee.seconds = delay.nanoseconds / 1_000_000_000
            c.pointee.retry_delay.pointee.nanos = Int32(delay.nanoseconds % 1_000_000_000)
            return c
        }
    }
}
