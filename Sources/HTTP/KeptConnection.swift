public import Ground

/// The way to one HTTP/1.1 server: a connection that stays open between requests, so that a
/// receiver that is asked again and again is connected to, and shaken hands with, once. Confined to
/// its loop.
///
/// When the server has closed the connection meanwhile, the request goes to a new one; that is so
/// for a request that it may have read, too, so requests must be such that repeating them is
/// harmless.
public final class KeptConnection {
    /// How long a connection without a request stays open. Proxies forget one after 60 s or more,
    /// and a receiver's descriptors are its own.
    public static let idle = Interval.seconds(30)

    private let endpoint: Endpoint
    private let network: any Network
    private let secure: () throws(Fault) -> (any SecureSession)?
    private var resting: Resting?

    /// - Parameter secure: the TLS session for one more connection; `nil` speaks plain text.
    public init(
        to endpoint: Endpoint, on network: any Network,
        secure: @escaping () throws(Fault) -> (any SecureSession)?
    ) {
        self.endpoint = endpoint
        self.network = network
        self.secure = secure
    }

    /// Sends a request; `completion` is called once, on the loop. One that comes while another is
    /// under way has a connection of its own.
    ///
    /// - Throws: when there can be no TLS session; `completion` is not called then.
    public func send(
        _ request: OneRequest, completion: @escaping (Result<HTTPAnswer, Fault>) -> Void
    ) throws(Fault) {
        guard let rest = resting else { return try open(request, completion) }
        resting = nil
        rest.end()
        var exchange: OneExchange?
        exchange = OneExchange(request, endpoint, rest.secure) { [weak self] result in
            let isLost = exchange?.isLost ?? false
            exchange = nil
            guard isLost, let self else { return completion(result) }
            do throws(Fault) {
                try open(request, completion)
            } catch {
                completion(.failure(error))
            }
        }
        exchange?.keep = keeper(rest.secure)
        exchange?.go(on: rest.transport, network)
    }

    /// Closes the connection that waits for a request.
    public func close() {
        resting?.close()
        resting = nil
    }

    private func open(
        _ request: OneRequest, _ completion: @escaping (Result<HTTPAnswer, Fault>) -> Void
    ) throws(Fault) {
        let session = try secure()
        let exchange = OneExchange(request, endpoint, session, completion)
        exchange.keep = keeper(session)
        exchange.connect(on: network)
    }

    private func keeper(_ session: (any SecureSession)?) -> (any Transport) -> Void {
        { [weak self] transport in
            let rest = Resting(transport, session)
            guard let self, resting == nil else { return rest.close() }
            resting = rest
            rest.begin(on: network) { [weak self] in
                if self?.resting === rest { self?.resting = nil }
            }
        }
    }
}

/// A connection that waits for its next request.
private final class Resting: TransportReceiver {
    let transport: any Transport
    let secure: (any SecureSession)?
    private var timer: (any ScheduledTimer)?
    private var gone: (() -> Void)?

    init(_ transport: any Transport, _ secure: (any SecureSession)?) {
        self.transport = transport
        self.secure = secure
    }

    func begin(on network: any Network, gone: @escaping () -> Void) {
        self.gone = gone
        transport.receiver = self
        timer = network.schedule(after: KeptConnection.idle) { [weak self] in self?.close() }
    }

    /// It is used again.
    func end() {
        timer?.cancel()
        timer = nil
        gone = nil
    }

    func close() {
        let gone = gone
        end()
        secure?.shutdown()
        sendCiphertext()
        transport.close(abruptly: false)
        gone?()
    }

    /// Nothing was asked: what may come is the handshake's rest, tickets for later sessions.
    func received(_ bytes: UnsafeRawBufferPointer) {
        guard let secure else { return close() }
        var isUnasked = false
        do throws(Fault) {
            try secure.receive(bytes) { isUnasked = isUnasked || !$0.isEmpty }
        } catch {
            isUnasked = true
        }
        sendCiphertext()
        if isUnasked { close() }
    }

    func drained() {}

    func closed(_ fault: Fault?) {
        let gone = gone
        end()
        gone?()
    }

    private func sendCiphertext() {
        while let output = secure?.takeOutput() { transport.send([output]) }
    }
}
