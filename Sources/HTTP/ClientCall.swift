public import Ground

/// Hears how one call of a client goes. The call holds it until it ends.
public protocol ClientCallHandler: AnyObject {
    /// One message of the answer.
    func message(_ bytes: Bytes)
    /// The call is over: exactly once, and nothing follows. `fault` is `nil` when it went well.
    func finished(_ status: GRPCStatus, _ fault: Fault?)
}

/// One gRPC call that this node makes. Used on the pool's loop alone.
public final class ClientCall {
    public let path: String
    /// When the call ends with `deadline`, whatever has come by then.
    public let deadline: Instant?
    /// Whether the answer may still come.
    public private(set) var isOpen = true
    /// Whether a connection carries it; until then it waits for one.
    public var isCarried: Bool { connection != nil }
    /// Request bytes that wait for the connection.
    public var unsent: Int { outbox.count }

    let headers: [(String, String)]
    weak var pool: ClientPool?
    var handler: (any ClientCallHandler)?
    /// The connection that carries the call, once there is one.
    var connection: ClientConnection?
    var outbox = Outbox()
    var deframer = Deframer()
    var answer = HeaderBlock()
    var stream: Int32 = 0
    var place = 0
    /// Place in the pool's deadlines, or −1.
    var deadlinePlace = -1
    var isTouched = false
    var isSubmitted = false
    /// The last request byte is on its way; the last answer byte has come; the stream is no more.
    var requestIsOut = false
    var answerIsWhole = false
    var streamIsClosed = false
    var httpStatus = 0

    init(
        path: String, headers: [(String, String)], deadline: Instant?, pool: ClientPool,
        handler: any ClientCallHandler
    ) {
        self.path = path
        self.headers = headers
        self.deadline = deadline
        self.pool = pool
        self.handler = handler
    }

    /// Sends one message, its slices one after the other. They stay referenced until the kernel has
    /// them.
    public func send(message: [Bytes]) {
        guard isOpen, !outbox.isEnded else { return }
        outbox.append(message: message)
        connection?.touched(self)
    }

    /// Says that no message follows.
    public func halfClose() {
        guard isOpen, !outbox.isEnded else { return }
        outbox.isEnded = true
        connection?.touched(self)
    }

    /// Gives the call up; `finished` hears `cancelled` before this returns.
    public func cancel() {
        end(
            GRPCStatus(.cancelled, "the call was given up"),
            Fault(.cancelled, "the call to \(path) was given up"))
    }

    /// A header or trailer of the answer; `name` in small letters.
    public func header(_ name: String) -> String? { answer.first(name) }

    /// Ends the call for a reason of this side.
    func end(_ fault: Fault) { end(GRPCStatus(fault), fault) }

    func end(_ status: GRPCStatus, _ fault: Fault?) {
        guard isOpen else { return }
        isOpen = false
        let handler = handler
        self.handler = nil
        outbox.clear()
        outbox.isEnded = true
        deframer = Deframer()
        pool?.ended(self)
        connection?.ended(self)
        handler?.finished(status, fault)
    }

    /// Answer bytes came.
    func received(
        _ chunk: UnsafeRawBufferPointer, _ limits: ClientLimits, _ allocator: any SlabAllocator
    ) {
        var rest = chunk
        do throws(Fault) {
            while isOpen {
                let event = try deframer.next(
                    &rest, limit: limits.message, allocator: allocator, retryHint: .zero)
                guard case .message(let bytes, let isCompressed) = event else { return }
                if isCompressed {
                    throw Fault(
                        .unsupported,
                        "the answer to \(path) is compressed, which was not asked for",
                        source: .peer)
                }
                handler?.message(bytes)
            }
        } catch {
            var fault = error
            fault.source = .peer
            end(fault)
        }
    }

    /// The answer is whole: what it says of itself decides.
    func answerEnded() {
        guard isOpen else { return }
        answerIsWhole = true
        if deframer.isMidway {
            return end(
                Fault(.corrupt, "the answer to \(path) ended inside a message", source: .peer))
        }
        let status = statedStatus()
        end(status, status.fault)
    }

    /// The stream was reset before its answer was whole.
    func reset(_ error: UInt32) {
        streamIsClosed = true
        let code = GRPCStatus.Code(http2Error: error)
        let retry: Fault.Retry = code == .unavailable ? .elsewhere : .never
        let status = GRPCStatus(
            code, "the peer reset the call to \(path) (HTTP/2 error \(error))", retry: retry)
        end(status, status.fault)
    }

    private func statedStatus() -> GRPCStatus {
        guard let number = answer.first("grpc-status") else {
            return GRPCStatus(
                GRPCStatus.Code(httpStatus: httpStatus),
                "the answer to \(path) has HTTP status \(httpStatus) and no grpc-status")
        }
        let code = Int(number).flatMap { GRPCStatus.Code(rawValue: $0) } ?? .unknown
        if code == .ok { return .ok }
        var retry = Fault.Retry.never
        if let details = answer.first("grpc-status-details-bin"),
            let delay = RetryDetails.delay(Array(details.utf8))
        {
            retry = .after(delay)
        }
        let message = PercentText.decode((answer.first("grpc-message") ?? "").utf8)
        return GRPCStatus(code, message, retry: retry)
    }
}
