internal import Cryptography
internal import Ground

/// HTTP/1.1 on one connection of a server: one request after the other, pipelined ones wait their
/// turn.
final class H1Server: Conversation, CallCarrier {
    private enum State {
        case head
        case body(left: Int)
        case chunked(ChunkDecoder)
        /// The request is whole; its answer is not out yet.
        case answering
        /// Whatever comes is read over.
        case deaf
    }

    unowned let connection: ServerConnection
    let service: any Service
    let limits: HTTPLimits
    let bounds: MessageBounds
    var bodiesUnderWay = 0
    private var state = State.head
    /// Bytes that came and could not be used yet.
    private var inbox: [UInt8] = []
    private var scanner = HeadScanner()
    private var call: ServerCall?
    private var keepsAlive = true
    private var owesContinue = false
    private var headIsOut = false
    private var isDraining = false
    private var isFinished = false
    private var isProcessing = false

    init(_ connection: ServerConnection) {
        self.connection = connection
        service = connection.server.service
        limits = connection.server.limits
        bounds = MessageBounds(limits, connection.server.budget)
    }

    var identity: PeerIdentity? { connection.identity }
    var calls: Int { call == nil ? 0 : 1 }
    var isDone: Bool { isFinished }
    var wantsPause: Bool { inbox.count > limits.pipelined }

    /// A head has begun; or the rest of a refused body is awaited, so that the client reads the
    /// answer.
    var headUnderWay: Bool {
        switch state {
        case .head: !inbox.isEmpty
        case .deaf: true
        default: false
        }
    }

    // MARK: Bytes in

    func received(_ bytes: UnsafeRawBufferPointer) {
        if isProcessing || !inbox.isEmpty {
            inbox += bytes
            if !isProcessing { processInbox() }
        } else {
            let used = process(bytes)
            if used < bytes.count { inbox += bytes[used...] }
        }
    }

    private func processInbox() {
        guard !inbox.isEmpty else { return }
        var all = inbox
        inbox = []
        let used = all.withUnsafeBytes { process($0) }
        all.removeFirst(used)
        inbox = all + inbox
    }

    /// Goes as far as it can; how many bytes are used up.
    private func process(_ bytes: UnsafeRawBufferPointer) -> Int {
        isProcessing = true
        defer { isProcessing = false }
        var rest = bytes
        while !rest.isEmpty {
            switch state {
            case .head:
                guard beginRequest(&rest) else { return bytes.count - rest.count }
            case .body(let left):
                let step = min(left, rest.count)
                let piece = UnsafeRawBufferPointer(rebasing: rest[..<step])
                rest = UnsafeRawBufferPointer(rebasing: rest[step...])
                state = .body(left: left - step)
                call?.received(piece)
                if step == left { bodyEnded() }
            case .chunked(let decoder): decode(decoder, &rest)
            case .answering: return bytes.count - rest.count
            case .deaf: return bytes.count
            }
        }
        return bytes.count
    }

    private func decode(_ decoder: ChunkDecoder, _ rest: inout UnsafeRawBufferPointer) {
        var decoder = decoder
        do throws(Fault) {
            try decoder.decode(&rest) { call?.received($0) }
            state = .chunked(decoder)
            if decoder.isDone { bodyEnded() }
        } catch {
            keepsAlive = false
            state = .deaf
            call?.refuse(error)
        }
    }

    /// Begins the request at the front of `rest` when its head is whole. Whether it was.
    private func beginRequest(_ rest: inout UnsafeRawBufferPointer) -> Bool {
        // RFC 9112, 2.2: an empty line before a request is read over.
        if rest.count >= 2, rest[0] == 0x0d, rest[1] == 0x0a {
            rest = UnsafeRawBufferPointer(rebasing: rest[2...])
            scanner = HeadScanner()
            return true
        }
        let bound = limits.headers + limits.target
        guard let end = scanner.end(rest), end <= bound else {
            if rest.count > bound { refuseHead(bound) }
            return false
        }
        scanner = HeadScanner()
        let request = H1Request(
            UnsafeRawBufferPointer(rebasing: rest[..<end]), limits: limits,
            scratch: connection.server.headScratch, paths: connection.server.paths)
        rest = UnsafeRawBufferPointer(rebasing: rest[end...])
        start(request, isFollowed: !rest.isEmpty)
        return true
    }

    private func refuseHead(_ bound: Int) {
        var head = RequestHead()
        head.refuse(
            431, .exhausted, "the request's head has more than \(bound) bytes",
            "send fewer or shorter headers")
        begin(head, keepsAlive: false)
        state = .deaf
        call?.start(service)
    }

    private func begin(_ head: RequestHead, keepsAlive: Bool) {
        let call = ServerCall(head, carrier: self)
        self.call = call
        self.keepsAlive = keepsAlive && !isDraining
        headIsOut = false
        connection.server.counters.calls += 1
    }

    private func start(_ request: H1Request, isFollowed: Bool) {
        begin(request.head, keepsAlive: request.keepsAlive)
        if request.isChunked {
            state = .chunked(ChunkDecoder())
        } else {
            state = .body(left: request.head.contentLength ?? 0)
        }
        call?.start(service)
        let length = request.head.contentLength
        if length == 0 { return bodyEnded() }
        if request.head.refusalStatus == 400 || request.head.refusalStatus == 501 {
            // Where this request ends is not known for sure.
            keepsAlive = false
            state = .deaf
        }
        owesContinue = request.expectsContinue && !isFollowed && call?.isOpen == true
        if owesContinue { connection.needsFlush() }
    }

    private func bodyEnded() {
        state = .answering
        call?.remoteIsDone = true
        call?.ended()
    }

    // MARK: Bytes out

    func touched(_ call: ServerCall) { connection.needsFlush() }

    func write(into cork: Cork, room: Int) -> Bool {
        while cork.count < room {
            if owesContinue {
                owesContinue = false
                if call?.isOpen == true { cork.append("HTTP/1.1 100 Continue\r\n\r\n") }
            }
            guard let call, !call.isOpen else { return false }
            if !headIsOut { writeHead(call, into: cork) }
            call.outbox.emit(room - min(room, cork.count), into: cork)
            if call.outbox.count > 0 { return true }
            answerIsOut(call)
            if isFinished { return false }
            if self.call == nil && inbox.isEmpty { return false }
        }
        return true
    }

    private func writeHead(_ call: ServerCall, into cork: Cork) {
        headIsOut = true
        guard case .rest(let status, let headers) = call.opening else { return }
        if !call.remoteIsDone || isDraining { keepsAlive = false }
        cork.append("HTTP/1.1 \(status) ")
        cork.append(reasonPhrase(status))
        cork.append("\r\n")
        for (name, value) in headers { cork.append("\(name): \(oneLine(value))\r\n") }
        if status != 204 && status != 304 {
            cork.append("content-length: \(call.outbox.count)\r\n")
        }
        if !keepsAlive { cork.append("connection: close\r\n") }
        cork.append("\r\n")
        if call.method == .head { call.outbox.clear() }
    }

    private func answerIsOut(_ done: ServerCall) {
        let requestIsWhole = done.remoteIsDone
        done.carrier = nil
        call = nil
        if !keepsAlive {
            if requestIsWhole {
                isFinished = true
            } else {
                // Closing now would reset the connection, and the client would never read why.
                state = .deaf
                isFinished = isDraining
            }
            return
        }
        state = .head
        processInbox()
        connection.resume()
    }

    // MARK: The end

    func sweep(quiet: Int) { call?.sweep(limits) }

    func drain() {
        isDraining = true
        keepsAlive = false
        guard call == nil else { return }
        isFinished = true
        connection.needsFlush()
    }

    func expire() {
        if case .head = state, call == nil {
            var head = RequestHead()
            head.refuse(408, .deadline, "the request's head was not whole in time", nil)
            begin(head, keepsAlive: false)
            call?.start(service)
        }
        state = .deaf
    }

    func lost(_ fault: Fault) {
        isFinished = true
        let call = call
        self.call = nil
        state = .deaf
        inbox = []
        call?.abandon(fault)
    }
}
