internal import CHTTPParser
public import Ground

/// The answer to one HTTP/1.1 request.
public struct HTTPAnswer: Sendable {
    public var status: Int
    /// Names in small letters, in the order they came.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
}

/// One HTTP/1.1 request on a connection of its own: webhooks and telemetry, never frames.
public struct OneRequest {
    public var method = "POST"
    public var path: String
    public var headers: [(String, String)]
    public var body: [Bytes]
    /// From connecting to the answer's last byte.
    public var timeout = Interval.seconds(10)
    /// Largest answer, head and body, bytes: receivers of webhooks say little.
    public var answerLimit = 1 << 20

    public init(path: String, headers: [(String, String)] = [], body: [Bytes] = []) {
        self.path = path
        self.headers = headers
        self.body = body
    }

    /// Sends the request; `completion` is called once, on the loop.
    ///
    /// - Parameter secure: the TLS session to speak through, plain text when `nil`.
    public func send(
        to endpoint: Endpoint, on network: any Network, secure: (any SecureSession)? = nil,
        completion: @escaping (Result<HTTPAnswer, Fault>) -> Void
    ) {
        let exchange = OneExchange(self, endpoint, secure, completion)
        exchange.timer = network.schedule(after: timeout) {
            exchange.finish(
                .failure(
                    Fault(
                        .deadline, "\(endpoint) did not answer \(path) within \(timeout.seconds) s",
                        source: .peer, retry: .elsewhere)))
        }
        network.connect(to: endpoint, timeout: timeout) { result in
            switch result {
            case .success(let transport): exchange.begin(transport)
            case .failure(let fault): exchange.finish(.failure(fault))
            }
        }
    }
}

/// A request under way.
private final class OneExchange: TransportReceiver {
    private enum State {
        case head
        case body(left: Int)
        case chunked(ChunkDecoder)
        case untilEnd
    }

    var timer: (any ScheduledTimer)?
    private let request: OneRequest
    private let endpoint: Endpoint
    private let secure: (any SecureSession)?
    private var completion: ((Result<HTTPAnswer, Fault>) -> Void)?
    private var transport: (any Transport)?
    private var state = State.head
    private var inbox: [UInt8] = []
    private var scanner = HeadScanner()
    private var answer = HTTPAnswer(status: 0, headers: [], body: [])
    private var received = 0
    private var isSent = false

    init(
        _ request: OneRequest, _ endpoint: Endpoint, _ secure: (any SecureSession)?,
        _ completion: @escaping (Result<HTTPAnswer, Fault>) -> Void
    ) {
        self.request = request
        self.endpoint = endpoint
        self.secure = secure
        self.completion = completion
    }

    func begin(_ transport: any Transport) {
        guard completion != nil else { return transport.close(abruptly: true) }
        self.transport = transport
        transport.receiver = self
        transport.setReading(true)
        if secure == nil { sendRequest() } else { sendCiphertext() }
    }

    private func sendRequest() {
        isSent = true
        var length = 0
        for bytes in request.body { length += bytes.count }
        var head = "\(request.method) \(request.path) HTTP/1.1\r\nhost: \(endpoint)\r\n"
        head += "connection: close\r\ncontent-length: \(length)\r\n"
        for (name, value) in request.headers { head += "\(name): \(value)\r\n" }
        send([Bytes(Array((head + "\r\n").utf8))] + request.body)
    }

    private func send(_ bytes: [Bytes]) {
        guard let secure else {
            transport?.send(bytes)
            return
        }
        do throws(Fault) {
            for piece in bytes {
                try piece.withUnsafeBytes { (raw) throws(Fault) in try secure.send(raw) }
            }
        } catch {
            finish(.failure(error))
        }
        sendCiphertext()
    }

    private func sendCiphertext() {
        while let output = secure?.takeOutput() { transport?.send([output]) }
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
        guard completion != nil else { return }
        guard let secure else { return take(bytes) }
        do throws(Fault) {
            try secure.receive(bytes) { take($0) }
        } catch {
            sendCiphertext()
            return finish(.failure(error))
        }
        if secure.isEstablished && !isSent { sendRequest() }
        sendCiphertext()
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        received += bytes.count
        guard received <= request.answerLimit else {
            return finish(
                .failure(
                    Fault(
                        .exhausted, "the answer of \(endpoint) has more than "
                            + "\(request.answerLimit) bytes", source: .peer)))
        }
        inbox += bytes
        do throws(Fault) {
            while try step() {}
        } catch {
            finish(.failure(error))
        }
    }

    /// Uses bytes of the inbox; whether another step may use more.
    private func step() throws(Fault) -> Bool {
        guard completion != nil, !inbox.isEmpty else { return false }
        switch state {
        case .head:
            guard let end = inbox.withUnsafeBytes({ scanner.end($0) }) else { return false }
            try readHead(end)
            return true
        case .body(let left):
            let count = min(left, inbox.count)
            answer.body += inbox[..<count]
            inbox.removeFirst(count)
            state = .body(left: left - count)
            if left == count { finish(.success(answer)) }
            return false
        case .chunked(var decoder):
            let bytes = inbox
            inbox = []
            let fault = bytes.withUnsafeBytes { all -> Fault? in
                var rest = all
                do throws(Fault) {
                    try decoder.decode(&rest) { answer.body += $0 }
                    return nil
                } catch {
                    return error
                }
            }
            if let fault { throw fault }
            state = .chunked(decoder)
            if decoder.isDone { finish(.success(answer)) }
            return false
        case .untilEnd:
            answer.body += inbox
            inbox = []
            return false
        }
    }

    private func readHead(_ end: Int) throws(Fault) {
        let scratch = H1HeadScratch()
        let block = Array(inbox[..<end])
        inbox.removeFirst(end)
        scanner = HeadScanner()
        let parsed = block.withUnsafeBytes { H1Answer($0, scratch: scratch) }
        guard let parsed else {
            throw Fault(.corrupt, "\(endpoint) answered with no HTTP/1.1", source: .peer)
        }
        // 100 Continue and its like stand before the answer.
        if parsed.status < 200 { return }
        answer.status = parsed.status
        answer.headers = parsed.headers
        if request.method == "HEAD" || parsed.status == 204 || parsed.status == 304 {
            return finish(.success(answer))
        }
        if parsed.isChunked {
            state = .chunked(ChunkDecoder())
        } else if let length = parsed.length {
            state = .body(left: length)
            if length == 0 { finish(.success(answer)) }
        } else {
            state = .untilEnd
        }
    }

    func drained() {}

    func closed(_ fault: Fault?) {
        if case .untilEnd = state, fault == nil { return finish(.success(answer)) }
        finish(
            .failure(
                fault
                    ?? Fault(
                        .unavailable, "\(endpoint) closed the connection before its answer was whole",
                        source: .peer, retry: .elsewhere)))
    }

    func finish(_ result: Result<HTTPAnswer, Fault>) {
        guard let completion else { return }
        self.completion = nil
        timer?.cancel()
        timer = nil
        if let secure {
            secure.shutdown()
            sendCiphertext()
        }
        transport?.close(abruptly: false)
        transport = nil
        completion(result)
    }
}
