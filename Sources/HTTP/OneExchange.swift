internal import CHTTPParser
import Ground

/// A request under way.
final class OneExchange: TransportReceiver {
    private enum State {
        case head
        case body(left: Int)
        case chunked(ChunkDecoder)
        case untilEnd
    }

    /// Takes the connection when the answer has come and the other end keeps it open; `nil` closes
    /// it.
    var keep: ((any Transport) -> Void)?
    /// Whether the other end closed the connection before it answered anything.
    private(set) var isLost = false
    private var timer: (any ScheduledTimer)?
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
    private var staysOpen = false
    /// Whether bytes are being read: the TLS session must not be spoken to meanwhile.
    private var isReceiving = false
    private var outcome: (() -> Void)?

    init(
        _ request: OneRequest, _ endpoint: Endpoint, _ secure: (any SecureSession)?,
        _ completion: @escaping (Result<HTTPAnswer, Fault>) -> Void
    ) {
        self.request = request
        self.endpoint = endpoint
        self.secure = secure
        self.completion = completion
    }

    /// Opens a connection and sends the request there.
    func connect(on network: any Network) {
        arm(on: network)
        network.connect(to: endpoint, timeout: request.timeout) { [self] result in
            switch result {
            case .success(let transport): begin(transport)
            case .failure(let fault): finish(.failure(fault))
            }
        }
    }

    /// Sends the request on a connection that is open already.
    func go(on transport: any Transport, _ network: any Network) {
        arm(on: network)
        self.transport = transport
        transport.receiver = self
        sendRequest()
    }

    private func arm(on network: any Network) {
        timer = network.schedule(after: request.timeout) { [self] in
            finish(
                .failure(
                    Fault(
                        .deadline,
                        "\(endpoint) did not answer \(request.path) within "
                            + "\(request.timeout.seconds) s", source: .peer, retry: .elsewhere)))
        }
    }

    private func begin(_ transport: any Transport) {
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
        if keep == nil { head += "connection: close\r\n" }
        head += "content-length: \(length)\r\n"
        for (name, value) in request.headers { head += "\(name): \(oneLine(value))\r\n" }
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
        isReceiving = true
        read(bytes)
        isReceiving = false
        let outcome = outcome
        self.outcome = nil
        outcome?()
    }

    private func read(_ bytes: UnsafeRawBufferPointer) {
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
                        .exhausted,
                        "the answer of \(endpoint) has more than "
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
        staysOpen = parsed.keepsAlive
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
            staysOpen = false
        }
    }

    func drained() {}

    func closed(_ fault: Fault?) {
        if case .untilEnd = state, fault == nil { return finish(.success(answer)) }
        isLost = received == 0
        finish(
            .failure(
                fault
                    ?? Fault(
                        .unavailable,
                        "\(endpoint) closed the connection before its answer was whole",
                        source: .peer, retry: .elsewhere)))
    }

    func finish(_ result: Result<HTTPAnswer, Fault>) {
        guard let completion else { return }
        self.completion = nil
        timer?.cancel()
        timer = nil
        let isWhole = if case .success = result { true } else { false }
        if let keep, let transport, isWhole, staysOpen, inbox.isEmpty {
            sendCiphertext()
            self.transport = nil
            keep(transport)
        } else {
            secure?.shutdown()
            sendCiphertext()
            transport?.close(abruptly: false)
            transport = nil
        }
        keep = nil
        if isReceiving { outcome = { completion(result) } } else { completion(result) }
    }
}
