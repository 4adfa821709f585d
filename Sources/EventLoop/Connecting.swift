internal import CLibuv
internal import Glibc
public import Ground

extension Loop {
    /// Opens a TCP connection. A name's addresses are tried in their order, each with an equal
    /// share of the time that is left, so that one black hole does not hide a live address.
    ///
    /// `completion` is called once: in a later turn with the transport (a `SocketTransport`) or a
    /// fault; at once with a fault when the loop has ended.
    public func connect(
        to endpoint: Endpoint, timeout: Interval,
        completion: @escaping (Result<any Transport, Fault>) -> Void
    ) {
        open(to: endpoint, timeout: timeout) { completion($0.map { $0 }) }
    }

    /// `connect`, with the transport's own type: for its counters and `finishSending`.
    public func open(
        to endpoint: Endpoint, timeout: Interval,
        completion: @escaping (Result<SocketTransport, Fault>) -> Void
    ) {
        assertOnLoop()
        guard !isEnding else { return completion(.failure(.loopEnded)) }
        let connector = Connector(endpoint, timeout: timeout, loop: self, completion: completion)
        connector.start(timeout: timeout)
    }
}

/// Tries the addresses of one endpoint, one after the other.
final class Connector {
    private let endpoint: Endpoint
    private let loop: Loop
    private let deadline: Instant
    private let timeout: Interval
    private var completion: ((Result<SocketTransport, Fault>) -> Void)?
    private var timer: (any ScheduledTimer)?
    private var addresses: [SocketAddress] = []

    init(
        _ endpoint: Endpoint, timeout: Interval, loop: Loop,
        completion: @escaping (Result<SocketTransport, Fault>) -> Void
    ) {
        self.endpoint = endpoint
        self.timeout = timeout
        self.loop = loop
        self.completion = completion
        deadline = loop.time.now + timeout
    }

    func start(timeout: Interval) {
        if let address = SocketAddress(numericHost: endpoint.host, port: endpoint.port) {
            return tryAll([address])
        }
        timer = loop.schedule(after: timeout) {
            self.finish(.failure(self.late("the name look-up")))
        }
        Resolver.resolve(endpoint, on: loop) { result in
            self.timer?.cancel()
            switch result {
            case .failure(let fault): self.finish(.failure(fault))
            case .success(let found): self.tryAll(found)
            }
        }
    }

    /// Tries `addresses` in their order.
    func tryAll(_ addresses: [SocketAddress]) {
        self.addresses = addresses.reversed()
        tryNext()
    }

    private func tryNext() {
        guard completion != nil, let address = addresses.popLast() else { return }
        let left = deadline - loop.time.now
        let share = Interval(nanoseconds: left.nanoseconds / Int64(addresses.count + 1))
        ConnectAttempt.start(address, patience: share, loop: loop) { result in
            switch result {
            case .success(let transport): self.finish(.success(transport))
            case .failure(let failure):
                guard self.addresses.isEmpty || failure == .loopEnded else { return self.tryNext() }
                self.finish(.failure(self.fault(failure, at: address)))
            }
        }
    }

    private func fault(_ failure: ConnectAttempt.Failure, at address: SocketAddress) -> Fault {
        switch failure {
        case .loopEnded: return .loopEnded
        case .late: return late(address.endpoint.description)
        case .status(let status):
            var fault = Fault.uv(status, "connecting to \(endpoint)")
            if status == UV_ECONNREFUSED.rawValue {
                fault.remedy = "check that a node is running and listens there"
            }
            return fault
        }
    }

    private func late(_ what: String) -> Fault {
        Fault(
            .unavailable,
            "connecting to \(endpoint): \(what) did not answer within "
                + "\(Int(timeout.milliseconds)) ms",
            source: .peer, retry: .elsewhere)
    }

    private func finish(_ result: Result<SocketTransport, Fault>) {
        let completion = completion
        self.completion = nil
        timer?.cancel()
        timer = nil
        completion?(result)
    }
}

/// One connection attempt to one address.
private final class ConnectAttempt: HandleOwner {
    enum Failure: Error, Equatable {
        case late, loopEnded
        case status(Int32)
    }

    private let loop: Loop
    private let tcp = UnsafeMutablePointer<uv_tcp_t>.allocate(capacity: 1)
    private let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    private let address: SocketAddress
    private var completion: ((Result<SocketTransport, Failure>) -> Void)?
    private var timer: (any ScheduledTimer)?

    private init(_ address: SocketAddress, loop: Loop) {
        self.address = address
        self.loop = loop
    }

    deinit { request.deallocate() }

    static func start(
        _ address: SocketAddress, patience: Interval, loop: Loop,
        completion: @escaping (Result<SocketTransport, Failure>) -> Void
    ) {
        let attempt = ConnectAttempt(address, loop: loop)
        attempt.completion = completion
        uv_tcp_init(loop.uv, attempt.tcp)
        attempt.tcp.pointee.data = Unmanaged.passRetained(attempt).toOpaque()
        attempt.timer = loop.schedule(after: patience) { attempt.fail(.late) }
        let status = attempt.connect()
        // Later, because a completion must not come before `connect` has returned.
        if status != 0 { loop.schedule(after: .zero) { attempt.fail(.status(status)) } }
    }

    func loopEnds() { fail(.loopEnded) }

    private func connect() -> Int32 {
        let retained = Unmanaged.passRetained(self)
        request.pointee.data = retained.toOpaque()
        let status = address.withPointer { address, _ in
            uv_tcp_connect(request, tcp, address) { request, status in
                Unmanaged<ConnectAttempt>.fromOpaque(request!.pointee.data).takeRetainedValue()
                    .didConnect(status)
            }
        }
        if status != 0 { retained.release() }
        return status
    }

    private func didConnect(_ status: Int32) {
        guard let completion else { return }
        guard status == 0 else { return fail(.status(status)) }
        self.completion = nil
        timer?.cancel()
        // The handle's reference moves from this attempt to the transport.
        Unmanaged.passUnretained(self).release()
        let transport = SocketTransport(tcp, peer: address.endpoint, isTCP: true, on: loop)
        loop.counters.connected += 1
        completion(.success(transport))
    }

    private func fail(_ failure: Failure) {
        guard let completion else { return }
        self.completion = nil
        timer?.cancel()
        tcp.closeHandle()
        completion(.failure(failure))
    }
}
