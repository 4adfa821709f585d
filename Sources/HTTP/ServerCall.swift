public import Cryptography
public import Ground

/// One request and its answer, on the server. Used on the server's loop alone.
///
/// A gRPC call is answered with `send(message:)`, any number of times, and `finish`; any other
/// request with `respond`, or with `finish` when it failed. Once the call is over these do nothing.
public final class ServerCall {
    public enum Method: String, Sendable {
        case get, head, post, put, patch, delete, options, other
    }

    /// How the answer begins.
    enum Opening {
        case none
        case messages
        case rest(status: Int, headers: [(String, String)])
    }

    /// Path of the target, without the query.
    public var path: String { head.path }
    public var method: Method { head.method }
    /// What follows `?` in the target.
    public var query: String? { head.query }
    /// Whether `content-type` says `application/grpc`, over HTTP/2.
    public var isGRPC: Bool { head.isGRPC }
    /// `grpc-timeout`. The service enforces it: the room only reads it.
    public var timeout: Interval? { head.timeout }
    /// Who the client proved to be by certificate, or `nil`.
    public var identity: PeerIdentity? { carrier?.identity }
    /// The client's address, while it is there.
    public var endpoint: Endpoint? { carrier?.connection.peer }
    /// Whether an answer can still be given.
    @exclusivity(unchecked) public internal(set) var isOpen = true

    // A call is confined to its loop, and every one changes these some times: they are not checked
    // for overlapping accesses at run time.
    @exclusivity(unchecked) var head: RequestHead
    @exclusivity(unchecked) var handler: (any CallHandler)?
    @exclusivity(unchecked) var carrier: (any CallCarrier)?
    @exclusivity(unchecked) var intake = Intake()
    @exclusivity(unchecked) var outbox = Outbox()
    @exclusivity(unchecked) var opening = Opening.none
    @exclusivity(unchecked) var status: GRPCStatus?
    /// HTTP/2 stream, and the call's place in its connection's list.
    @exclusivity(unchecked) var stream: Int32 = 0
    @exclusivity(unchecked) var place = 0
    @exclusivity(unchecked) var isTouched = false
    @exclusivity(unchecked) var isSubmitted = false
    @exclusivity(unchecked) var remoteIsDone = false
    /// Sweeps since answer bytes last moved while some waited.
    @exclusivity(unchecked) var stuck = 0
    /// Sweeps since the whole answer left while the client was still sending; `nil` until it has.
    @exclusivity(unchecked) var answeredFor: Int?

    init(_ head: RequestHead, carrier: any CallCarrier) {
        self.head = head
        self.carrier = carrier
    }

    /// Makes a call that is over one that begins; its head is the caller's to set.
    func begin(carrier: any CallCarrier) {
        self.carrier = carrier
        isOpen = true
        intake = Intake()
        outbox.clear()
        outbox.isEnded = false
        opening = .none
        status = nil
        (isTouched, isSubmitted, remoteIsDone) = (false, false, false)
        (stuck, answeredFor) = (0, nil)
    }

    /// The first value of a header; `name` in small letters.
    public func header(_ name: String) -> String? { head.headers.first(name) }

    /// Answer bytes that wait for the connection: a streaming handler pauses while this is large.
    public var unsent: Int { outbox.count }

    /// Sends one gRPC message, its slices one after the other. They stay referenced until the
    /// kernel has them.
    public func send(message: [Bytes]) {
        guard isOpen, isGRPC, let carrier else { return }
        let unread = carrier.bounds.unread
        guard outbox.count <= unread else { return cutOff(unread) }
        if case .none = opening { opening = .messages }
        outbox.append(message: message)
        carrier.touched(self)
    }

    /// Ends the call: well when `fault` is `nil`, with what the one mapping makes of it otherwise.
    public func finish(_ fault: Fault? = nil) {
        if isGRPC { return finish(fault.map { GRPCStatus($0) } ?? .ok) }
        guard let fault else { return respond(status: 204, headers: [], body: []) }
        respond(to: fault, status: fault.code.httpStatus)
    }

    /// Ends a gRPC call with this status.
    public func finish(_ status: GRPCStatus) {
        guard isOpen, isGRPC, let carrier else { return }
        self.status = status
        end(carrier)
    }

    /// Answers a REST request. `content-length` is added; header names in small letters.
    public func respond(status: Int, headers: [(String, String)], body: [Bytes]) {
        guard isOpen, !isGRPC, let carrier else { return }
        opening = .rest(status: status, headers: headers)
        outbox.append(body: body)
        end(carrier)
    }

    /// A REST answer that tells of a fault, as the Open Inference Protocol has it: `{"error":
    /// "…"}`.
    func respond(to fault: Fault, status: Int) {
        var headers = [("content-type", "application/json")]
        if case .after(let delay) = fault.retry {
            // Whole seconds are all that Retry-After can say.
            headers.append(("retry-after", "\(max(1, Int(delay.seconds.rounded(.up))))"))
        }
        let text = "{\"error\":\"\(jsonEscaped(GRPCStatus(fault).message))\"}\n"
        respond(status: status, headers: headers, body: [Bytes(Array(text.utf8))])
    }

    private func end(_ carrier: any CallCarrier) {
        isOpen = false
        outbox.isEnded = true
        handler = nil
        intake.close(carrier)
        carrier.touched(self)
    }

    private func cutOff(_ bound: Int) {
        refuse(
            Fault(
                .exhausted,
                "more than \(bound) bytes of answers wait for a client who does not read",
                source: .client, remedy: "read faster, or ask for less"))
    }

    /// Ends the call over something the client did; the handler hears why.
    func refuse(_ fault: Fault, status: Int? = nil) {
        guard isOpen else { return }
        carrier?.connection.server.onRefusal?(fault)
        let handler = handler
        if isGRPC {
            outbox.clear()
            finish(GRPCStatus(fault))
        } else {
            respond(to: fault, status: status ?? fault.code.httpStatus)
        }
        handler?.cancelled(fault)
    }

    /// The client or its connection is gone.
    func abandon(_ fault: @autoclosure () -> Fault) {
        let handler = isOpen ? handler : nil
        isOpen = false
        self.handler = nil
        if let carrier { intake.close(carrier) }
        carrier = nil
        outbox.clear()
        handler?.cancelled(fault())
    }
}

/// The connection under a call.
protocol CallCarrier: AnyObject {
    var connection: ServerConnection { get }
    var identity: PeerIdentity? { get }
    /// What every message asks for.
    var bounds: MessageBounds { get }
    /// Bodies or messages that have begun and are not whole.
    var bodiesUnderWay: Int { get set }
    /// The call has something to say.
    func touched(_ call: ServerCall)
}

/// What a message may be, and where its memory comes from: of a connection's limits the few that
/// every message asks for, since whoever asks a carrier for all of them is given a copy.
struct MessageBounds {
    /// Bytes of one message or body.
    let limit: Int
    /// Bytes of answers that may wait for a client who does not read.
    let unread: Int
    let retryHint: Interval
    let budget: ByteBudget

    init(_ limits: HTTPLimits, _ budget: ByteBudget) {
        limit = limits.message
        unread = limits.unread
        retryHint = limits.retryHint
        self.budget = budget
    }
}

func jsonEscaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": out += "\\\""
        case "\\": out += "\\\\"
        case "\n": out += "\\n"
        case _ where scalar.value < 0x20:
            let hex = String(scalar.value, radix: 16)
            out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out
}
