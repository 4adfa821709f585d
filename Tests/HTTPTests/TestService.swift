import Ground

@testable import HTTP

/// A service whose handlers note what they hear and do what a test says.
final class TestService: Service {
    final class Handler: CallHandler {
        let call: ServerCall
        unowned let service: TestService
        var messages: [Bytes] = []
        var halfCloses = 0
        var cancellations: [Fault] = []
        var isStream: Bool { service.isStream }
        var bodyLimit: Int { service.bodyLimit }

        init(_ call: ServerCall, _ service: TestService) {
            self.call = call
            self.service = service
        }

        func message(_ bytes: Bytes) {
            messages.append(bytes)
            service.onMessage?(self, bytes)
        }

        func halfClosed() {
            halfCloses += 1
            service.onHalfClose?(self)
        }

        func cancelled(_ fault: Fault) { cancellations.append(fault) }
    }

    var handlers: [Handler] = []
    var isStream = false
    var bodyLimit = Int.max
    var onBegin: ((ServerCall) -> Void)?
    var onMessage: ((Handler, Bytes) -> Void)?
    var onHalfClose: ((Handler) -> Void)?

    func begin(_ call: ServerCall) -> any CallHandler {
        let handler = Handler(call, self)
        handlers.append(handler)
        onBegin?(call)
        return handler
    }

    /// Answers each call with what it sent.
    static func echo() -> TestService {
        let service = TestService()
        service.onHalfClose = { handler in
            if handler.call.isGRPC {
                handler.call.send(message: handler.messages)
                handler.call.finish()
            } else {
                handler.call.respond(
                    status: 200, headers: [("content-type", "text/plain")], body: handler.messages)
            }
            handler.messages = []
        }
        return service
    }
}

/// A client's handler that notes what it hears.
final class TestHandler: ClientCallHandler {
    var messages: [[UInt8]] = []
    var ends: [(status: GRPCStatus, fault: Fault?)] = []
    var onMessage: (([UInt8]) -> Void)?

    func message(_ bytes: Bytes) {
        messages.append(bytes.array)
        onMessage?(bytes.array)
    }

    func finished(_ status: GRPCStatus, _ fault: Fault?) { ends.append((status, fault)) }

    var status: GRPCStatus? { ends.first?.status }
}

/// Server and pool on one virtual loop.
final class Bench {
    let loop = TestLoop()
    let service: TestService
    let server: Server
    let pool: ClientPool
    let budget: ByteBudget
    /// The latest connection's ends.
    var ends: (client: MemoryTransport, server: MemoryTransport)!

    init(
        _ service: TestService = .echo(), limits: HTTPLimits = HTTPLimits(),
        client: ClientLimits = ClientLimits(), budget: Int = 64 << 20,
        serverSecure: (() throws(Fault) -> any SecureSession)? = nil,
        clientSecure: (() throws(Fault) -> any SecureSession)? = nil
    ) {
        self.service = service
        self.budget = ByteBudget(limit: budget)
        server = Server(
            service, limits: limits, budget: self.budget, network: loop, hooks: loop.hooks,
            secure: serverSecure)
        pool = ClientPool(
            Endpoint(host: "region", port: 8443), limits: client,
            allocator: ByteBudget(limit: 64 << 20), network: loop, hooks: loop.hooks, seed: 1,
            secure: clientSecure)
        loop.onConnect = { [unowned self] _ in
            ends = loop.pair()
            server.accept(ends.server)
            return .success(ends.client)
        }
    }

    /// A raw connection to the server, spoken to by the test itself.
    func raw() -> (client: MemoryTransport, server: MemoryTransport) {
        let ends = loop.pair()
        server.accept(ends.server)
        return ends
    }

    func call(
        _ path: String = "/test/Echo", _ message: [UInt8]? = Array("hello".utf8),
        headers: [(String, String)] = [], timeout: Interval? = nil
    ) -> (call: ClientCall, handler: TestHandler) {
        let handler = TestHandler()
        let call = pool.call(
            path, headers: headers, deadline: timeout.map { loop.clock.now + $0 },
            handler: handler)
        if let message {
            call.send(message: [Bytes(message)])
            call.halfClose()
        }
        return (call, handler)
    }
}
