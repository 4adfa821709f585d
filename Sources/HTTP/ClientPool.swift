public import Cryptography
public import Ground

/// What a pool has seen, for metrics. Bytes are the sockets', TLS included.
public struct ClientCounters: Sendable {
    public var calls = 0
    public var connectionsOpened = 0
    public var connectFailures = 0
    public var handshakes = 0
    public var resumed = 0
    public var bytesIn = 0
    public var bytesOut = 0

    public init() {}
}

/// Long-lived HTTP/2 connections to one endpoint, and the gRPC calls on them. Used on one loop
/// alone.
public final class ClientPool {
    public let endpoint: Endpoint
    public internal(set) var counters = ClientCounters()
    /// Connections that stand or are being made.
    public var connections: Int { all.count }
    /// Calls that wait for a connection.
    public var waitingCalls: Int { waiting.count }

    let authority: String
    /// The bounds of connections and calls from now on.
    public var limits: ClientLimits
    let allocator: any SlabAllocator
    let cork = Cork()
    private let network: any Network
    private let hooks: LoopHooks
    private let secure: (() throws(Fault) -> any SecureSession)?
    private var random: Randomness
    private var all: [ClientConnection] = []
    private var dirty: [ClientConnection] = []
    /// Those that are being flushed; empty between turns.
    private var flushed: [ClientConnection] = []
    private lazy var flushing: () -> Void = { [weak self] in self?.flushAll() }
    private var waiting: [ClientCall] = []
    private var deadlines = Deadlines()
    private var deadlineTimer: (any ScheduledTimer)?
    private var deadlineAt = Instant.distantFuture
    private var sweepTimer: (any ScheduledTimer)?
    private var flushIsDue = false
    private var isAssigning = false
    private var failures = 0
    private var lastFailure: Fault?
    private var nextAttempt = Instant(nanoseconds: 0)
    private var isClosed = false
    /// Hears why a connection broke that a peer's answers had not yet come over, and `nil` when
    /// the first bytes of one have come.
    public var onLink: ((Fault?) -> Void)?

    /// - Parameters:
    ///   - authority: what `:authority` says; the endpoint by default.
    ///   - allocator: where answers' buffers come from: the node's byte budget.
    ///   - seed: of the jitter between attempts to connect.
    ///   - secure: makes the TLS session of one connection; plain text when `nil`.
    public init(
        _ endpoint: Endpoint, authority: String? = nil, limits: ClientLimits = ClientLimits(),
        allocator: any SlabAllocator, network: any Network, hooks: LoopHooks, seed: UInt64,
        secure: (() throws(Fault) -> any SecureSession)? = nil
    ) {
        self.endpoint = endpoint
        self.authority = authority ?? endpoint.description
        self.limits = limits
        self.allocator = allocator
        self.network = network
        self.hooks = hooks
        self.secure = secure
        random = Randomness(seed: seed)
    }

    /// A pool whose connections speak TLS, with `peer` at the other end or not at all.
    public convenience init(
        _ endpoint: Endpoint, authority: String? = nil, limits: ClientLimits = ClientLimits(),
        allocator: any SlabAllocator, network: any Network, hooks: LoopHooks, seed: UInt64,
        tls: TLSContext, expecting peer: ExpectedPeer
    ) {
        self.init(
            endpoint, authority: authority, limits: limits, allocator: allocator,
            network: network, hooks: hooks, seed: seed,
            secure: { () throws(Fault) in try TLSSession(context: tls, expecting: peer) })
    }

    deinit {
        sweepTimer?.cancel()
        deadlineTimer?.cancel()
    }

    var now: Instant { network.time.now }

    func sweeps(_ interval: Interval) -> Int {
        let grain = max(limits.sweep.nanoseconds, 1)
        return Int((max(interval.nanoseconds, 0) &+ grain - 1) / grain)
    }

    /// Begins a call. `handler.finished` hears of its end exactly once, never before this returns.
    ///
    /// - Parameters:
    ///   - headers: names in small letters.
    ///   - deadline: sent as `grpc-timeout`; at that moment the call ends with `deadline`.
    public func call(
        _ path: String, headers: [(String, String)] = [], deadline: Instant?,
        handler: any ClientCallHandler
    ) -> ClientCall {
        let call = ClientCall(
            path: path, headers: headers, deadline: deadline, pool: self, handler: handler)
        counters.calls += 1
        if let refusal = refusal() {
            hooks.endOfTurn { call.end(refusal) }
            return call
        }
        if let deadline {
            deadlines.insert(call, at: deadline)
            armDeadline()
        }
        armSweep()
        waiting.append(call)
        assign()
        return call
    }

    private func refusal() -> Fault? {
        if isClosed { return Fault(.unavailable, "the pool to \(endpoint) is closed") }
        if waiting.count >= limits.waiting {
            return Fault(
                .exhausted, "\(waiting.count) calls wait for \(endpoint) already",
                remedy: "call less, or raise the limit", retry: .elsewhere)
        }
        guard all.isEmpty, now < nextAttempt else { return nil }
        var fault =
            lastFailure
            ?? Fault(.unavailable, "\(endpoint) cannot be reached", source: .peer)
        fault.retry = .elsewhere
        return fault
    }

    /// Ends the pause after a failed connect: for a caller that paces itself.
    public func endPause() { nextAttempt = now }

    /// Ends all calls and connections.
    public func close() {
        isClosed = true
        sweepTimer?.cancel()
        sweepTimer = nil
        deadlineTimer?.cancel()
        deadlineTimer = nil
        let fault = Fault(.unavailable, "the pool to \(endpoint) was closed")
        for connection in all { connection.fail(fault) }
        failWaiting(fault)
    }

    // MARK: Calls and connections

    /// Gives waiting calls to the least loaded connections; opens another when all are full.
    private func assign() {
        if isAssigning { return }
        isAssigning = true
        var given = 0
        while given < waiting.count {
            guard waiting[given].isOpen else {
                given += 1
                continue
            }
            guard let best = all.max(by: { $0.room < $1.room }), best.room > 0 else { break }
            best.carry(waiting[given])
            given += 1
        }
        waiting.removeFirst(given)
        isAssigning = false
        openIfNeeded()
    }

    /// One connection is made at a time: the next is made when those that stand are full again.
    private func openIfNeeded() {
        guard !waiting.isEmpty, !isClosed, !all.contains(where: { !$0.isReady }) else { return }
        let usable = all.filter { !$0.isLeaving }.count
        guard usable < limits.connections, now >= nextAttempt else { return }
        let connection: ClientConnection
        do throws(Fault) {
            connection = ClientConnection(self, secure: try secure?())
        } catch {
            return hooks.endOfTurn { [weak self] in self?.failWaiting(error) }
        }
        all.append(connection)
        counters.connectionsOpened += 1
        network.connect(to: endpoint, timeout: limits.connectTimeout) {
            [weak self, weak connection] result in
            guard self != nil, let connection, !connection.isOver else {
                if case .success(let transport) = result { transport.close(abruptly: true) }
                return
            }
            switch result {
            case .success(let transport): connection.begin(transport)
            case .failure(let fault): connection.fail(fault)
            }
        }
    }

    func ready(_ connection: ClientConnection) {
        failures = 0
        lastFailure = nil
        assign()
    }

    func roomCame() { if !waiting.isEmpty { assign() } }

    /// The peer speaks: it has let this connection in.
    func heard() { onLink?(nil) }

    func over(
        _ connection: ClientConnection, wasReady: Bool, wasHeard: Bool, _ fault: Fault
    ) {
        all.removeAll { $0 === connection }
        if !wasHeard && !isClosed { onLink?(fault) }
        if !wasReady {
            counters.connectFailures += 1
            backOff(fault)
            if all.isEmpty { return failWaiting(fault) }
        }
        if !isClosed { assign() }
    }

    /// Doubles the pause after each failure, ± 20 %, so that a fleet does not come back as one.
    private func backOff(_ fault: Fault) {
        failures = min(failures + 1, 16)
        lastFailure = fault
        let doubled = limits.backoff.nanoseconds << Int64(failures - 1)
        let pause = min(doubled, limits.backoffMost.nanoseconds)
        let jitter = 0.8 + 0.4 * random.unit()
        nextAttempt = now + .nanoseconds(Int64(Double(pause) * jitter))
    }

    private func failWaiting(_ fault: Fault) {
        let calls = waiting
        waiting = []
        for call in calls { call.end(fault) }
    }

    func ended(_ call: ClientCall) {
        deadlines.remove(call)
        if call.connection == nil && !isAssigning { waiting.removeAll { $0 === call } }
    }

    // MARK: Once a turn

    func flushAtEndOfTurn(_ connection: ClientConnection) {
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

    // MARK: Time

    /// One timer, for the earliest deadline of all calls.
    private func armDeadline() {
        guard let earliest = deadlines.earliest, earliest < deadlineAt else { return }
        deadlineTimer?.cancel()
        deadlineAt = earliest
        let delay = max(earliest - now, .zero)
        deadlineTimer = network.schedule(after: delay) { [weak self] in self?.expire() }
    }

    private func expire() {
        deadlineAt = .distantFuture
        deadlineTimer = nil
        let now = now
        while let call = deadlines.popExpired(now) {
            // Silence may be a slow model or a dead link: a PING tells which.
            call.connection?.probe()
            call.end(
                Fault(
                    .deadline, "\(endpoint) did not answer \(call.path) before its deadline",
                    source: .peer))
        }
        armDeadline()
    }

    /// Sweeps while there are connections.
    private func armSweep() {
        guard sweepTimer == nil, !isClosed else { return }
        sweepTimer = network.schedule(after: limits.sweep) { [weak self] in
            guard let self else { return }
            sweepTimer = nil
            for connection in all { connection.sweep() }
            assign()
            if !all.isEmpty || !waiting.isEmpty { armSweep() }
        }
    }
}
