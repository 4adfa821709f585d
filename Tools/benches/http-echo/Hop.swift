import Cryptography
import EventLoop
import Ground
import HTTP
import Synchronization

/// Client and server in one process, each on its loop: what one hop between two nodes costs both of
/// them.
enum Hop {
    /// Calls under way at a time.
    static let window = 64

    static func run(isSecure: Bool, calls: Int, size: Int) throws {
        let trust = isSecure ? try Trust() : nil
        let bound = Box()
        let thread = try LoopThread(name: "server") { loop throws(Fault) in
            let budget = ByteBudget(limit: 256 << 20)
            let server: Server
            if let trust {
                server = Server(
                    EchoService(), budget: budget, network: loop, hooks: hooks(loop),
                    tls: trust.server)
            } else {
                server = Server(
                    EchoService(), budget: budget, network: loop, hooks: hooks(loop))
            }
            let listener = try loop.listen(on: Endpoint(host: "127.0.0.1", port: 0)) {
                server.accept($0)
            }
            bound.port.store(listener.port, ordering: .relaxed)
        }
        let loop = try Loop()
        let caller = Caller(loop, pool(loop, bound, trust), calls: calls, size: size)
        caller.begin()
        loop.run()
        thread.stop()
        thread.join()
        HTTPEcho.report(calls)
    }

    /// Calls whatever listens on a port of this machine in plain text.
    static func call(port: Int, calls: Int, size: Int) throws {
        let loop = try Loop()
        let bound = Box()
        bound.port.store(port, ordering: .relaxed)
        let caller = Caller(loop, pool(loop, bound, nil), calls: calls, size: size)
        caller.begin()
        loop.run()
        HTTPEcho.report(calls)
    }

    private static func pool(_ loop: Loop, _ bound: Box, _ trust: Trust?) -> ClientPool {
        let endpoint = Endpoint(
            host: "127.0.0.1", port: bound.port.load(ordering: .relaxed))
        let budget = ByteBudget(limit: 256 << 20)
        guard let trust else {
            return ClientPool(
                endpoint, allocator: budget, network: loop, hooks: hooks(loop), seed: 1)
        }
        return ClientPool(
            endpoint, allocator: budget, network: loop, hooks: hooks(loop), seed: 1,
            tls: trust.client, expecting: .node("server"))
    }

    private final class Box: Sendable { let port = Atomic<Int>(0) }

    /// An authority for one run.
    private struct Trust: Sendable {
        let server: TLSContext
        let client: TLSContext

        init() throws(Fault) {
            let now = MonotonicTime().wall
            let authority = try CertificateAuthority.make(name: "bench", now: now)
            let chain = TLSSettings.Trust.authorities(authority.credentials.certificateChain)
            server = try TLSContext(
                .server(
                    try authority.issue(.node, "server", now: now), clients: .required,
                    trust: chain))
            client = try TLSContext(
                .client(try authority.issue(.node, "client", now: now), trust: chain))
        }
    }
}

/// Keeps a window of calls under way until all are done.
private final class Caller: ClientCallHandler {
    private let loop: Loop
    private let pool: ClientPool
    private let message: Bytes
    private var toBegin: Int
    private var toEnd: Int

    init(_ loop: Loop, _ pool: ClientPool, calls: Int, size: Int) {
        self.loop = loop
        self.pool = pool
        message = Bytes([UInt8](repeating: 1, count: size))
        toBegin = calls
        toEnd = calls
    }

    func begin() { for _ in 0..<Hop.window { next() } }

    private func next() {
        guard toBegin > 0 else { return }
        toBegin -= 1
        let call = pool.call(
            "/echo.Echo/Call", deadline: loop.time.now + .seconds(10), handler: self)
        call.send(message: [message])
        call.halfClose()
    }

    func message(_ bytes: Bytes) {}

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        precondition(fault == nil, "\(status)")
        toEnd -= 1
        if toEnd == 0 { loop.stop() }
        next()
    }
}
