internal import CNghttp2
internal import Ground

/// One HTTP/2 connection to a pool's endpoint.
final class ClientConnection: TransportReceiver {
    /// Held: a pool lives as long as one of its connections.
    let pool: ClientPool
    private(set) var transport: (any Transport)?
    let secure: (any SecureSession)?
    var session: OpaquePointer?
    var cork: Cork?
    var open: [ClientCall] = []
    var touchedCalls: [ClientCall] = []
    /// Calls that ended before their stream did.
    var leaving: [Int32: ClientCall] = [:]
    /// The server takes no further calls here.
    var isLeaving = false
    /// Calls can be sent: TCP and TLS stand.
    private(set) var isReady = false
    /// The server has sent something in HTTP/2: in TLS 1.3 it may refuse this side's certificate
    /// after the handshake stood here.
    private var isHeard = false
    var isDirty = false
    private(set) var isOver = false
    private var isBusy = false
    private var failure: Fault?
    private var age = 0
    private var quiet = 0
    private var callless = 0
    /// Sweeps since a PING went out that nothing has answered; `nil` when none is out.
    private var pinged: Int?

    init(_ pool: ClientPool, secure: (any SecureSession)?) {
        self.pool = pool
        self.secure = secure
    }

    deinit { if let session { nghttp2_session_del(session) } }

    /// How many more calls fit.
    var room: Int {
        guard isReady, !isLeaving, !isOver, failure == nil else { return 0 }
        let allowed = Int(
            clamping: nghttp2_session_get_remote_settings(
                session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
        return min(pool.limits.streams, allowed) - open.count
    }

    func begin(_ transport: any Transport) {
        self.transport = transport
        transport.receiver = self
        makeSession()
        transport.setReading(true)
        if secure == nil {
            isReady = true
            pool.ready(self)
        }
        flush()
    }

    private func makeSession() {
        var options: OpaquePointer?
        nghttp2_option_new(&options)
        nghttp2_option_set_no_closed_streams(options, 1)
        nghttp2_option_set_max_continuations(options, pool.limits.continuations)
        defer { nghttp2_option_del(options) }
        nghttp2_session_client_new2(
            &session, ClientConnection.callbacks.pointer,
            Unmanaged.passUnretained(self).toOpaque(), options)
        var entries = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(pool.limits.streamWindow)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(pool.limits.headers)),
        ]
        nghttp2_submit_settings(session, 0, &entries, entries.count)
        nghttp2_session_set_local_window_size(
            session, 0, 0, Int32(pool.limits.connectionWindow))
    }

    // MARK: Calls

    func carry(_ call: ClientCall) {
        call.connection = self
        call.place = open.count
        open.append(call)
        touched(call)
    }

    func touched(_ call: ClientCall) {
        if call.isTouched { return }
        call.isTouched = true
        touchedCalls.append(call)
        needsFlush()
    }

    /// The call has ended on this side; the server is told when it does not know.
    func ended(_ call: ClientCall) {
        guard !isOver else { return }
        if call.isSubmitted && !call.streamIsClosed {
            nghttp2_session_set_stream_user_data(session, call.stream, nil)
            if !call.answerIsWhole || !call.requestIsOut { reset(call) }
        }
        remove(call)
    }

    private func reset(_ call: ClientCall) {
        let reason = call.answerIsWhole ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL
        nghttp2_submit_rst_stream(session, 0, call.stream, reason.rawValue)
        // nghttp2's data source still points to the call, until its stream has closed.
        leaving[call.stream] = call
        needsFlush()
    }

    private func remove(_ call: ClientCall) {
        guard call.connection === self else { return }
        call.connection = nil
        let last = open.removeLast()
        if last !== call {
            open[call.place] = last
            last.place = call.place
        }
        pool.roomCame()
    }

    // MARK: Bytes

    func received(_ bytes: UnsafeRawBufferPointer) {
        guard !isOver, failure == nil else { return }
        pool.counters.bytesIn += bytes.count
        (quiet, pinged) = (0, nil)
        isBusy = true
        if let secure {
            do throws(Fault) {
                try secure.receive(bytes) { frames($0) }
                try noteHandshake(secure)
            } catch {
                failure = error
            }
        } else {
            frames(bytes)
        }
        isBusy = false
        flush()
    }

    private func noteHandshake(_ secure: any SecureSession) throws(Fault) {
        guard !isReady, secure.isEstablished else { return }
        guard secure.applicationProtocol == "h2" else {
            throw Fault(
                .unsupported,
                "\(pool.endpoint) speaks no HTTP/2 (ALPN "
                    + "\(secure.applicationProtocol ?? "none"))", source: .peer)
        }
        pool.counters.handshakes += 1
        if secure.isResumed { pool.counters.resumed += 1 }
        isReady = true
        pool.ready(self)
    }

    private func frames(_ bytes: UnsafeRawBufferPointer) {
        guard failure == nil else { return }
        let taken = nghttp2_session_mem_recv(
            session, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        if taken < 0 {
            failure = Fault(
                .corrupt,
                "\(pool.endpoint) broke HTTP/2: "
                    + String(cString: nghttp2_strerror(Int32(taken))), source: .peer)
        } else if !isHeard && isReady {
            isHeard = true
            pool.heard()
        }
    }

    func needsFlush() {
        if isBusy || isDirty || isOver { return }
        isDirty = true
        pool.flushAtEndOfTurn(self)
    }

    func flush() {
        guard !isBusy, !isOver, let transport else { return }
        isBusy = true
        if isReady { submitTouched() }
        var more = true
        while more && failure == nil && !isOver {
            let room = pool.limits.unsent - transport.unsent
            more = room > 0 && writeFrames(pool.cork, room)
            emit(pool.cork, transport)
        }
        // The alert that says why, when TLS has one.
        if failure != nil && !isOver { emit(pool.cork, transport) }
        isBusy = false
        if let failure { return fail(failure) }
        if isLeaving && open.isEmpty { close() }
    }

    /// Whether more is ready.
    private func writeFrames(_ cork: Cork, _ room: Int) -> Bool {
        self.cork = cork
        defer { self.cork = nil }
        while cork.count < room {
            var data: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &data)
            if count <= 0 { return false }
            cork.append(copying: buffer(data, count))
        }
        return true
    }

    private func emit(_ cork: Cork, _ transport: any Transport) {
        var output = cork.count > 0 ? cork.take() : []
        if let secure {
            do throws(Fault) {
                for bytes in output {
                    try bytes.withUnsafeBytes { (raw) throws(Fault) in try secure.send(raw) }
                }
            } catch {
                failure = failure ?? error
            }
            output = []
            while let bytes = secure.takeOutput() { output.append(bytes) }
        }
        if output.isEmpty { return cork.rewind() }
        for bytes in output { pool.counters.bytesOut += bytes.count }
        transport.send(output)
        output = []
        cork.rewind()
    }

    func drained() { flush() }

    // MARK: The end

    /// Ends the connection in order; its calls must have ended.
    func close() {
        guard !isOver else { return }
        if let secure, let transport {
            secure.shutdown()
            emit(pool.cork, transport)
        }
        over(Fault(.unavailable, "the connection to \(pool.endpoint) was closed"))
        transport?.close(abruptly: false)
    }

    func fail(_ fault: Fault) {
        guard !isOver else { return }
        failure = failure ?? fault
        if isBusy { return }
        over(fault)
        transport?.close(abruptly: secure == nil || isReady)
    }

    func closed(_ fault: Fault?) {
        over(
            fault
                ?? Fault(
                    .unavailable, "\(pool.endpoint) closed the connection", source: .peer,
                    retry: .elsewhere))
    }

    private func over(_ fault: Fault) {
        if isOver { return }
        isOver = true
        var fault = fault
        // Whatever broke the connection, to its calls the peer cannot answer now.
        if fault.code != .unauthenticated && fault.code != .forbidden { fault.code = .unavailable }
        if fault.retry == .never { fault.retry = .elsewhere }
        let calls = open
        open = []
        touchedCalls = []
        pool.over(self, wasReady: isReady, wasHeard: isHeard, fault)
        for call in calls {
            call.connection = nil
            call.end(fault)
        }
    }

    // MARK: Time

    /// Asks whether the server still lives, now.
    func probe() {
        guard isReady, !isOver, pinged == nil else { return }
        pinged = 0
        nghttp2_submit_ping(session, 0, nil)
        needsFlush()
    }

    func sweep() {
        let limits = pool.limits
        age += 1
        quiet += 1
        guard isReady else {
            if age > pool.sweeps(limits.connectTimeout) {
                fail(
                    Fault(
                        .unavailable,
                        "\(pool.endpoint) did not finish the TLS handshake within "
                            + "\(limits.connectTimeout.seconds) s", source: .peer,
                        retry: .elsewhere))
            }
            return
        }
        callless = open.isEmpty ? callless + 1 : 0
        if callless > pool.sweeps(limits.idle) { return close() }
        if let sweeps = pinged {
            pinged = sweeps + 1
            if sweeps + 1 > pool.sweeps(limits.keepaliveTimeout) {
                fail(
                    Fault(
                        .unavailable,
                        "\(pool.endpoint) did not answer a PING within "
                            + "\(limits.keepaliveTimeout.seconds) s", source: .peer,
                        retry: .elsewhere))
            }
        } else if !open.isEmpty && quiet >= pool.sweeps(limits.keepalive) {
            probe()
        }
    }
}
