internal import CNghttp2
internal import Cryptography
internal import Ground

/// HTTP/2 on one connection of a server. nghttp2 keeps the protocol; calls, messages and bounds are
/// here.
final class H2Server: Conversation, CallCarrier {
    unowned let connection: ServerConnection
    let server: Server
    let service: any Service
    let limits: HTTPLimits
    let bounds: MessageBounds
    let paths: PathCache
    /// Held: the session gives its memory back here.
    private let memory: H2Memory
    @exclusivity(unchecked) var session: OpaquePointer?
    /// Where frames go; set while frames are written.
    @exclusivity(unchecked) var cork: Cork?
    /// The request whose headers are coming; HTTP/2 never interleaves header blocks.
    ///
    /// A connection is confined to its loop, and nghttp2 calls back one thing at a time: what every
    /// header and every byte touches is not checked for overlapping accesses at run time.
    @exclusivity(unchecked) var head = RequestHead()
    /// A block of headers, or the client's opening, is not whole.
    var headUnderWay = true
    @exclusivity(unchecked) var open: [ServerCall] = []
    @exclusivity(unchecked) var touchedCalls: [ServerCall] = []
    var bodiesUnderWay = 0
    /// PING, RST_STREAM and other frames in this sweep that cost work and bring nothing.
    var mischief = 0
    private let mischiefBound: Int
    private var isBroken = false
    private var drainStep = 0

    init(_ connection: ServerConnection) {
        self.connection = connection
        server = connection.server
        service = server.service
        limits = server.limits
        bounds = MessageBounds(limits, server.budget)
        paths = server.paths
        memory = server.memory
        mischiefBound = max(
            Int(Double(limits.controlFrames) * limits.sweep.seconds), 100)
        makeSession()
    }

    deinit { if let session { nghttp2_session_del(session) } }

    var identity: PeerIdentity? { connection.identity }
    var calls: Int { open.count }
    var wantsPause: Bool { false }

    private func makeSession() {
        let options = H2Server.options(limits)
        defer { nghttp2_option_del(options) }
        var functions = memory.functions
        nghttp2_session_server_new3(
            &session, H2Server.callbacks.pointer, Unmanaged.passUnretained(self).toOpaque(),
            options, &functions)
        var entries = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: UInt32(limits.streams)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(limits.streamWindow)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(limits.headers)),
        ]
        nghttp2_submit_settings(session, 0, &entries, entries.count)
        nghttp2_session_set_local_window_size(session, 0, 0, Int32(limits.connectionWindow))
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
        guard !isBroken, let session else { return }
        let taken = nghttp2_session_mem_recv(
            session, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        if taken < 0 { isBroken = true }
        if mischief > mischiefBound { endForMischief() }
    }

    private func endForMischief() {
        nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
    }

    var isDone: Bool {
        if isBroken { return true }
        if drainStep >= 2 && open.isEmpty { return true }
        return nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    func write(into cork: Cork, room: Int) -> Bool {
        submitTouched()
        self.cork = cork
        defer { self.cork = nil }
        while cork.count < room {
            var data: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &data)
            if count < 0 { isBroken = true }
            if count <= 0 { return false }
            cork.append(copying: buffer(data, count))
        }
        return true
    }

    /// Answers are submitted when the turn ends, so that a message and its status are known
    /// together.
    private func submitTouched() {
        if touchedCalls.isEmpty { return }
        for call in touchedCalls {
            call.isTouched = false
            if call.isSubmitted {
                nghttp2_session_resume_data(session, call.stream)
            } else if call.carrier != nil {
                call.isSubmitted = true
                submit(call)
            }
        }
        touchedCalls.removeAll(keepingCapacity: true)
    }

    func touched(_ call: ServerCall) {
        if call.isTouched { return }
        call.isTouched = true
        touchedCalls.append(call)
        connection.needsFlush()
    }

    func sweep(quiet: Int) {
        mischief = 0
        for index in stride(from: open.count - 1, through: 0, by: -1) where index < open.count {
            let call = open[index]
            call.sweep(limits)
            sweepAnswer(call)
        }
        if drainStep == 1 { sendLastGoAway() }
        let patience = limits.sweeps(limits.keepalive)
        if quiet == patience {
            nghttp2_submit_ping(session, 0, nil)
            connection.needsFlush()
        } else if quiet >= patience + limits.sweeps(limits.keepaliveTimeout) {
            connection.fail(
                Fault(
                    .unavailable, "the client did not answer a PING", source: .client))
        }
    }

    /// Tells a client that has its answer to send no more.
    func stop(_ call: ServerCall) {
        nghttp2_submit_rst_stream(session, 0, call.stream, NGHTTP2_NO_ERROR.rawValue)
    }

    private func sweepAnswer(_ call: ServerCall) {
        if let sweeps = call.answeredFor, !call.remoteIsDone {
            call.answeredFor = sweeps + 1
            guard sweeps == 1 else { return }
            stop(call)
            return connection.needsFlush()
        }
        guard call.isSubmitted, call.outbox.count > 0 else { return }
        call.stuck += 1
        if call.stuck > limits.sweeps(limits.writeTime) {
            call.outbox.clear()
            nghttp2_submit_rst_stream(session, 0, call.stream, NGHTTP2_CANCEL.rawValue)
            connection.needsFlush()
        }
    }

    func drain() {
        if drainStep > 0 { return }
        drainStep = 1
        nghttp2_submit_shutdown_notice(session)
        connection.needsFlush()
    }

    /// The first GOAWAY told the client to stop; what it sent before it heard that is still taken
    /// until now.
    private func sendLastGoAway() {
        drainStep = 2
        nghttp2_submit_goaway(
            session, 0, nghttp2_session_get_last_proc_stream_id(session), 0, nil, 0)
        connection.needsFlush()
    }

    func expire() {
        nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
        connection.needsFlush()
    }

    func lost(_ fault: Fault) {
        isBroken = true
        let all = open
        open = []
        touchedCalls = []
        for call in all { call.abandon(fault) }
    }
}
