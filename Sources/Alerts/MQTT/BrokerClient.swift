internal import CMosquitto
internal import Glibc
internal import Ground

/// libmosquitto's client for one connection. Confined to the connection's thread.
final class BrokerClient {
    /// Seconds after which the broker and this side look whether the other is still there; a broker
    /// that has gone silently is noticed in twice that.
    static let keepalive: Int32 = 10
    /// How long connecting may take in all.
    static let connectPatience = Interval.seconds(10)
    /// How long an acknowledgement may take: a broker that is alive answers in milliseconds.
    static let acknowledgePatience = Interval.seconds(15)
    /// Milliseconds between two looks at the clock.
    private static let turn: Int32 = 500

    /// libmosquitto prepares itself once in a process.
    private static let isPrepared = mosquitto_lib_init() == MOSQ_ERR_SUCCESS.code

    private struct Pending {
        let id: Int32
        let number: UInt64
        let sentAt: Instant
    }

    private let settings: BrokerSettings
    private let tell: (BrokerConnection.Event) -> Void
    private let client: OpaquePointer
    private var begunAt = BrokerClient.now
    private var isOpen = false
    /// What the broker answered, when it refused.
    private var refusal: Fault?
    /// Messages without an acknowledgement, oldest first.
    private var pending: [Pending] = []

    init(
        _ settings: BrokerSettings, tell: @escaping (BrokerConnection.Event) -> Void
    ) throws(Fault) {
        self.settings = settings
        self.tell = tell
        guard Self.isPrepared, let made = mosquitto_new(settings.client, true, nil) else {
            throw Fault(.inner, "libmosquitto makes no client")
        }
        client = made
        mosquitto_user_data_set(client, Unmanaged.passUnretained(self).toOpaque())
        // The outbox has the bound.
        _ = mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, 65_535)
        _ = mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1)
        mosquitto_connect_callback_set(client) { BrokerClient.of($1).answered($2) }
        mosquitto_publish_callback_set(client) { BrokerClient.of($1).arrived($2) }
        try identify()
        if settings.tls { try secure() }
    }

    deinit { mosquitto_destroy(client) }

    private static func of(_ own: UnsafeMutableRawPointer?) -> BrokerClient {
        Unmanaged<BrokerClient>.fromOpaque(own!).takeUnretainedValue()
    }

    private static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    private func identify() throws(Fault) {
        guard let user = settings.user else { return }
        let password: String?
        if let read = settings.password { password = try read() } else { password = nil }
        try check(mosquitto_username_pw_set(client, user, password), "naming the user \(user)")
    }

    private func secure() throws(Fault) {
        if let authority = settings.authority {
            try check(
                mosquitto_tls_set(client, authority, nil, nil, nil, nil),
                "reading the authorities \(authority)")
        } else {
            try check(
                mosquitto_int_option(client, MOSQ_OPT_TLS_USE_OS_CERTS, 1),
                "taking the machine's authorities")
        }
    }

    /// Begins to connect; `waiting` tries every address of the name, see `BrokerConnection`.
    func connect(waiting: Bool) throws(Fault) {
        let (host, port) = (settings.endpoint.host, Int32(settings.endpoint.port))
        let status =
            waiting
            ? mosquitto_connect(client, host, port, Self.keepalive)
            : mosquitto_connect_async(client, host, port, Self.keepalive)
        begunAt = Self.now
        try check(status, "connecting")
    }

    /// Waits for the socket or for `wake`, and lets the client do what there is to do.
    func turn(wake: Int32) throws(Fault) {
        let socket = mosquitto_socket(client)
        guard socket >= 0 else { throw refusal ?? fault("the connection has ended") }
        let wants = POLLIN | (mosquitto_want_write(client) ? POLLOUT : 0)
        var sockets = [
            pollfd(fd: socket, events: Int16(wants), revents: 0),
            pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&sockets, 2, Self.turn)
        let came = Int32(sockets[0].revents)
        if came & ~POLLOUT != 0 {
            try check(mosquitto_loop_read(client, 1), "reading")
            // Mosquitto holds a small answer back until the one before was acknowledged, which the
            // kernel does up to 40 ms later when this side has nothing to say.
            canopy_mqtt_quick_ack(mosquitto_socket(client))
        }
        if came & POLLOUT != 0, mosquitto_socket(client) >= 0 {
            try check(mosquitto_loop_write(client, 1), "writing")
        }
        if mosquitto_socket(client) >= 0 { try check(mosquitto_loop_misc(client), "keeping alive") }
        try checkTimes()
    }

    func publish(_ message: BrokerMessage) {
        var id: Int32 = 0
        let status = mosquitto_publish(
            client, &id, message.topic, Int32(message.payload.count), message.payload, 1, false)
        switch status {
        case MOSQ_ERR_SUCCESS.code, MOSQ_ERR_NO_CONN.code, MOSQ_ERR_CONN_LOST.code:
            // Without a connection the next turn notices; the outbox sends it again.
            pending.append(Pending(id: id, number: message.number, sentAt: Self.now))
        default: tell(.refused(message.number, fault("publishing: \(Self.words(status))")))
        }
    }

    /// Takes leave, so that the broker does not take this end for a failure.
    func disconnect() {
        _ = mosquitto_disconnect(client)
        _ = mosquitto_loop_write(client, 1)
    }

    // MARK: What the broker says

    private func answered(_ code: Int32) {
        guard code == 0 else {
            let words = String(cString: mosquitto_connack_string(code))
            refusal = fault(words.lowercased(), remedy: "check user, password and what they may do")
            return
        }
        isOpen = true
        tell(.opened)
    }

    private func arrived(_ id: Int32) {
        guard let index = pending.firstIndex(where: { $0.id == id }) else { return }
        tell(.delivered(pending.remove(at: index).number))
    }

    private func checkTimes() throws(Fault) {
        if let refusal { throw refusal }
        let now = Self.now
        if !isOpen, now - begunAt > Self.connectPatience {
            throw fault("no answer within \(Int(Self.connectPatience.seconds)) s")
        }
        if let oldest = pending.first, now - oldest.sentAt > Self.acknowledgePatience {
            throw fault(
                "no acknowledgement within \(Int(Self.acknowledgePatience.seconds)) s")
        }
    }

    // MARK: Faults

    private func check(_ status: Int32, _ doing: String) throws(Fault) {
        guard status != MOSQ_ERR_SUCCESS.code else { return }
        if let refusal { throw refusal }
        let words =
            status == MOSQ_ERR_ERRNO.code
            ? String(cString: strerror(errno)) : Self.words(status)
        throw fault("\(doing): \(words)")
    }

    private static func words(_ status: Int32) -> String {
        String(cString: mosquitto_strerror(status)).lowercased()
    }

    private func fault(_ words: String, remedy: String? = nil) -> Fault {
        Fault(
            .unavailable, "the broker \(settings.endpoint): \(words)", source: .peer,
            remedy: remedy, retry: .elsewhere)
    }
}

extension mosq_err_t {
    /// The number that functions return.
    var code: Int32 { rawValue }
}
