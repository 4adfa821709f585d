internal import Cryptography
internal import Ground

/// One accepted connection: TLS when the server has it, then HTTP/2 or HTTP/1.1, whichever the
/// client speaks.
final class ServerConnection: TransportReceiver {
    /// How every HTTP/2 client begins (RFC 9113, 3.4); fourteen bytes of it tell it from HTTP/1.
    private static let preface = Array("PRI * HTTP/2.0".utf8)

    /// Held: a server lives as long as one of its connections.
    let server: Server
    let transport: any Transport
    let peer: Endpoint
    private let secure: (any SecureSession)?
    private var conversation: (any Conversation)?
    /// First bytes, until they tell which protocol it is.
    private var opening: [UInt8] = []
    /// Place in the server's list.
    var place = 0
    var isDirty = false
    private(set) var isPaused = false
    private var isBusy = false
    private var isClosing = false
    private var isOver = false
    private var failure: Fault?
    private var wasEstablished = false
    /// Sweeps without a byte, without a call, with a head under way.
    private var quiet = 0
    private var callless = 0
    private var headSweeps = 0
    private var writeStuck = 0
    private var lastUnsent = 0

    init(_ transport: any Transport, server: Server, secure: (any SecureSession)?) {
        self.server = server
        self.transport = transport
        self.secure = secure
        peer = transport.peer
    }

    var identity: PeerIdentity? { secure?.peer }

    // MARK: Bytes in

    func received(_ bytes: UnsafeRawBufferPointer) {
        guard !isOver else { return }
        server.counters.bytesIn += bytes.count
        quiet = 0
        isBusy = true
        if let secure {
            do throws(Fault) {
                try secure.receive(bytes) { plaintextCame($0) }
                noteHandshake(secure)
            } catch {
                failure = error
            }
        } else {
            plaintextCame(bytes)
        }
        isBusy = false
        flush()
        if let failure { return end(failure) }
        applyPressure()
    }

    private func noteHandshake(_ secure: any SecureSession) {
        guard !wasEstablished, secure.isEstablished else { return }
        wasEstablished = true
        server.counters.handshakes += 1
    }

    private func plaintextCame(_ bytes: UnsafeRawBufferPointer) {
        if isClosing || failure != nil { return }
        if let conversation { return conversation.received(bytes) }
        switch secure?.applicationProtocol {
        case "h2": begin(H2Server(self), with: bytes)
        case "http/1.1": begin(H1Server(self), with: bytes)
        default: sniff(bytes)
        }
    }

    private func sniff(_ bytes: UnsafeRawBufferPointer) {
        opening += bytes
        let count = min(opening.count, Self.preface.count)
        guard opening.prefix(count).elementsEqual(Self.preface.prefix(count)) else {
            return beginSniffed(H1Server(self))
        }
        if count == Self.preface.count { beginSniffed(H2Server(self)) }
    }

    private func beginSniffed(_ conversation: any Conversation) {
        let first = opening
        opening = []
        first.withUnsafeBytes { begin(conversation, with: $0) }
    }

    private func begin(_ conversation: any Conversation, with bytes: UnsafeRawBufferPointer) {
        self.conversation = conversation
        if server.isDraining { conversation.drain() }
        conversation.received(bytes)
    }

    // MARK: Bytes out

    /// Something is to be written: at the end of `received` when that is running, else when the
    /// turn ends.
    func needsFlush() {
        if isBusy || isDirty || isOver { return }
        isDirty = true
        server.flushAtEndOfTurn(self)
    }

    /// Writes all that is ready as one `send`.
    func flush() {
        if isBusy || isOver { return }
        isBusy = true
        if let conversation { writeReady(conversation) }
        sendCiphertext()
        isBusy = false
        if isClosing || isOver { return }
        if let failure { return end(failure) }
        if let conversation, conversation.isDone { closeInOrder() }
    }

    /// Writes until nothing is ready or the socket has enough; `drained` goes on then.
    private func writeReady(_ conversation: any Conversation) {
        var more = true
        while more && !isClosing && !isOver && failure == nil {
            let room = server.limits.unsent - transport.unsent
            if room <= 0 { return }
            more = conversation.write(into: server.cork, room: room)
            emit(server.cork)
        }
    }

    private func emit(_ cork: Cork) {
        guard cork.count > 0 else { return }
        guard let secure else {
            server.counters.bytesOut += cork.count
            transport.send(cork.take())
            return cork.rewind()
        }
        for bytes in cork.take() {
            do throws(Fault) {
                try bytes.withUnsafeBytes { (raw) throws(Fault) in try secure.send(raw) }
            } catch {
                failure = error
            }
        }
        cork.rewind()
        sendCiphertext()
    }

    private func sendCiphertext() {
        guard let secure, !isOver else { return }
        var output: [Bytes] = []
        while let bytes = secure.takeOutput() {
            server.counters.bytesOut += bytes.count
            output.append(bytes)
        }
        if !output.isEmpty { transport.send(output) }
    }

    func drained() {
        writeStuck = 0
        flush()
    }

    // MARK: The end

    /// Ends the connection after what is unsent.
    private func closeInOrder() {
        if isClosing { return }
        isClosing = true
        conversation?.lost(Fault(.unavailable, "the connection was closed", source: .client))
        if let secure {
            secure.shutdown()
            sendCiphertext()
        }
        transport.close(abruptly: false)
    }

    /// Ends the connection for a fault: now, or when what runs on it has returned.
    func fail(_ fault: Fault) {
        failure = failure ?? fault
        if !isBusy { end(fault) }
    }

    private func end(_ fault: Fault) {
        if isClosing || isOver { return }
        isClosing = true
        isBusy = true
        if secure != nil && !wasEstablished { server.onRefusal?(fault) }
        conversation?.lost(fault)
        // The alert that says why, when TLS has one.
        sendCiphertext()
        isBusy = false
        transport.close(abruptly: secure == nil)
    }

    func closed(_ fault: Fault?) {
        if isOver { return }
        isOver = true
        // Callbacks of this connection may be on the stack: the conversation lives until the server
        // lets go of us.
        conversation?.lost(
            fault ?? Fault(.cancelled, "the client closed the connection", source: .client))
        server.closed(self)
    }

    // MARK: Bounds

    /// Past the byte budget nothing new is read; a body under way goes on, as it holds bytes until
    /// it is whole.
    private func applyPressure() {
        guard !isPaused, !isOver, !isClosing, let conversation else { return }
        if conversation.wantsPause {
            isPaused = true
            transport.setReading(false)
        } else if server.budget.isPressed, conversation.bodiesUnderWay == 0 {
            isPaused = true
            transport.setReading(false)
            server.waitForBytes(self)
        }
    }

    /// Reads again, if nothing stands against it.
    func resume() {
        guard isPaused, !isOver, !isClosing else { return }
        if conversation?.wantsPause == true { return }
        isPaused = false
        quiet = 0
        transport.setReading(true)
    }

    func drain() {
        guard let conversation else { return closeInOrder() }
        conversation.drain()
    }

    /// All bounds of time, once a sweep.
    func sweep() {
        if isOver { return }
        if isClosing { return sweepClosing() }
        let limits = server.limits
        quiet = isPaused ? 0 : quiet + 1
        let isBeginning = conversation == nil || conversation!.headUnderWay
        headSweeps = isBeginning ? headSweeps + 1 : 0
        if headSweeps > limits.sweeps(limits.headerTime) { return headTooSlow() }
        if sweepWriting(limits) { return }
        guard let conversation else { return }
        conversation.sweep(quiet: quiet)
        callless = conversation.calls == 0 ? callless + 1 : 0
        if callless > limits.sweeps(limits.idle) { conversation.drain() }
        // Twice as long as a drain needs: the client ignores it.
        if callless > 2 * limits.sweeps(limits.idle) { closeInOrder() }
        if conversation.isDone { flush() }
    }

    private func headTooSlow() {
        guard let conversation else {
            return fail(Fault(.deadline, "no request came in time", source: .client))
        }
        conversation.expire()
        flush()
        closeInOrder()
    }

    /// Ends a connection whose socket takes nothing. Whether it did.
    private func sweepWriting(_ limits: HTTPLimits) -> Bool {
        let unsent = transport.unsent
        writeStuck = unsent > 0 && unsent >= lastUnsent ? writeStuck + 1 : 0
        lastUnsent = unsent
        guard writeStuck > limits.sweeps(limits.writeTime) else { return false }
        isClosing = true
        conversation?.lost(Fault(.unavailable, "the client does not read", source: .client))
        transport.close(abruptly: true)
        return true
    }

    /// An orderly close that the client does not let happen is made abrupt.
    private func sweepClosing() {
        writeStuck += 1
        if writeStuck > server.limits.sweeps(server.limits.writeTime) {
            transport.close(abruptly: true)
        }
    }
}
