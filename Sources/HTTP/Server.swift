public import Cryptography
public import Ground

/// What a server has seen, for metrics. Bytes are the socket's, TLS included.
public struct ServerCounters: Sendable {
    public var accepted = 0
    /// Connections closed at once because there were too many.
    public var turnedAway = 0
    public var handshakes = 0
    public var calls = 0
    public var bytesIn = 0
    public var bytesOut = 0
    /// Times that reading stopped for want of bytes in the budget.
    public var pauses = 0

    public init() {}
}

/// All connections of one listener on one loop: HTTP/2 and HTTP/1.1 on the same port, gRPC and
/// REST.
public final class Server {
    @exclusivity(unchecked) public internal(set) var counters = ServerCounters()
    /// Connections that are open now.
    public var connections: Int { open.count }

    let service: any Service
    /// The bounds of connections from now on; those that stand keep their own of what is agreed
    /// when a connection is made.
    public var limits: HTTPLimits
    let budget: ByteBudget
    let cork = Cork()
    let paths = PathCache()
    let memory = H2Memory()
    /// Hears why a call was refused before its handler heard of it or while its body came, and why
    /// a client's TLS handshake failed.
    public var onRefusal: ((Fault) -> Void)?
    let headScratch = H1HeadScratch()
    @exclusivity(unchecked) private var spareCalls: [ServerCall] = []
    /// Calls that are over and kept for the next ones: twice what one core serves at a time in the
    /// benchmarks, 300 KB.
    private static let mostSpareCalls = 256
    private let network: any Network
    private let hooks: LoopHooks
    private let secure: (() throws(Fault) -> any SecureSession)?
    private var open: [ServerConnection] = []
    private var dirty: [ServerConnection] = []
    /// Those that are being flushed; empty between turns.
    private var flushed: [ServerConnection] = []
    private lazy var flushing: () -> Void = { [weak self] in self?.flushAll() }
    private var waiting: [ServerConnection] = []
    private var timer: (any ScheduledTimer)?
    private var relief: Relief!
    private var flushIsDue = false
    private(set) var isDraining = false
    private var whenDrained: (() -> Void)?
    private var drainSweeps = 0

    /// - Parameters:
    ///   - budget: the node's one budget of request bytes.
    ///   - secure: makes the TLS session of one accepted connection; plain text when `nil`.
    public init(
        _ service: any Service, limits: HTTPLimits = HTTPLimits(), budget: ByteBudget,
        network: any Network, hooks: LoopHooks,
        secure: (() throws(Fault) -> any SecureSession)? = nil
    ) {
        self.service = service
        self.limits = limits
        self.budget = budget
        self.network = network
        self.hooks = hooks
        self.secure = secure
        relief = Relief(self)
        armSweep()
    }

    /// A server whose connections all speak TLS by one context.
    public convenience init(
        _ service: any Service, limits: HTTPLimits = HTTPLimits(), budget: ByteBudget,
        network: any Network, hooks: LoopHooks, tls: TLSContext
    ) {
        self.init(
            service, limits: limits, budget: budget, network: network, hooks: hooks,
            secure: { () throws(Fault) in try TLSSession(context: tls) })
    }

    deinit { timer?.cancel() }

    /// A call that begins with this head. In exchange `head` gets memory of an earlier one.
    func makeCall(_ head: inout RequestHead, carrier: H2Server) -> ServerCall {
        counters.calls += 1
        guard let call = spareCalls.popLast() else {
            return ServerCall(head, carrier: carrier)
        }
        swap(&call.head, &head)
        call.begin(carrier: carrier)
        return call
    }

    /// Keeps a call that is over, if nobody else refers to it any more.
    func keep(_ call: inout ServerCall) {
        guard spareCalls.count < Self.mostSpareCalls, isKnownUniquelyReferenced(&call) else {
            return
        }
        spareCalls.append(call)
    }

    /// Serves a transport that a listener accepted.
    public func accept(_ transport: any Transport) {
        counters.accepted += 1
        guard open.count < limits.connections, !isDraining else {
            counters.turnedAway += 1
            return transport.close(abruptly: true)
        }
        let session: (any SecureSession)?
        do throws(Fault) {
            session = try secure?()
        } catch {
            counters.turnedAway += 1
            return transport.close(abruptly: true)
        }
        let connection = ServerConnection(transport, server: self, secure: session)
        connection.place = open.count
        open.append(connection)
        transport.receiver = connection
        transport.setReading(true)
    }

    /// Takes no new calls, lets those under way finish within `limits.drainTime`, closes; then
    /// calls `done` once.
    public func drain(_ done: @escaping () -> Void) {
        isDraining = true
        whenDrained = done
        for connection in open { connection.drain() }
        checkDrained()
    }

    /// Ends every connection at once.
    public func close() {
        isDraining = true
        timer?.cancel()
        timer = nil
        for connection in open {
            connection.fail(Fault(.unavailable, "the server stops", retry: .elsewhere))
        }
    }

    func closed(_ connection: ServerConnection) {
        if !waiting.isEmpty { waiting.removeAll { $0 === connection } }
        guard connection.place < open.count, open[connection.place] === connection else { return }
        let last = open.removeLast()
        if last !== connection {
            open[connection.place] = last
            last.place = connection.place
        }
        checkDrained()
    }

    private func checkDrained() {
        guard isDraining, open.isEmpty, let done = whenDrained else { return }
        whenDrained = nil
        done()
    }

    // MARK: Once a turn

    func flushAtEndOfTurn(_ connection: ServerConnection) {
        dirty.append(connection)
        if flushIsDue { return }
        flushIsDue = true
        hooks.endOfTurn(flushing)
    }

    private func flushAll() {
        flushIsDue = false
        swap(&dirty, &flushed)
        for connection in flushed {
            connection.isDirty = false
            connection.flush()
        }
        flushed.removeAll(keepingCapacity: true)
    }

    // MARK: Once a sweep

    private func armSweep() {
        timer = network.schedule(after: limits.sweep) { [weak self] in self?.sweep() }
    }

    private func sweep() {
        for index in stride(from: open.count - 1, through: 0, by: -1) where index < open.count {
            open[index].sweep()
        }
        if !budget.isPressed { relieve() }
        if isDraining {
            drainSweeps += 1
            if drainSweeps > limits.sweeps(limits.drainTime) { close() }
        }
        armSweep()
    }

    // MARK: Bytes

    /// Reads from the connection again when the budget has room.
    func waitForBytes(_ connection: ServerConnection) {
        counters.pauses += 1
        waiting.append(connection)
        if waiting.count > 1 { return }
        let relief = relief!
        let post = hooks.post
        budget.whenRelieved { post { relief.onLoop() } }
    }

    func relieve() {
        let connections = waiting
        waiting = []
        for connection in connections { connection.resume() }
    }

    /// The way back from the thread that freed bytes; the server is touched on its loop alone.
    private final class Relief: @unchecked Sendable {
        weak var server: Server?
        init(_ server: Server) { self.server = server }
        func onLoop() { server?.relieve() }
    }
}
