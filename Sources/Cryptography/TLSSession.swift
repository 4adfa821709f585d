import COpenSSL
public import Ground

/// One TLS 1.3 connection as bytes in and bytes out; the socket is the caller's.
///
/// Not `Sendable`: all calls come from the connection's loop. `receive` may be called again from
/// inside its own callback, and the callback may `send`, `takeOutput` and `shutdown`.
public final class TLSSession {
    let context: TLSContext
    let expected: ExpectedPeer?
    let ssl: OpaquePointer
    private let link = MemoryLink()
    /// Why the peer's certificate was refused, set by the verify callback.
    private var refusal: Fault?
    /// Set by the first fault; every later call throws it again.
    private var failure: Fault?
    /// Plaintext that was sent before the handshake was done.
    private var early: [Bytes] = []
    private var earlyCount = 0
    /// Ciphertext of nested `receive` calls, for the outer one to go on with.
    private var nested: [Bytes] = []
    private var isReceiving = false

    /// Most bytes that `send` holds before the handshake is done: a peer's first HTTP/2 window (64
    /// KiB) and headers.
    public static let earlyLimit = 256 << 10

    /// True once the peer is known and plaintext flows.
    public private(set) var isEstablished = false
    /// Whom the peer's certificate names; `nil` before the handshake is done, and for a client
    /// without a certificate.
    public private(set) var peer: PeerIdentity?
    /// The protocol that both agreed on, such as `h2`; `nil` when the peer offered none.
    public private(set) var applicationProtocol: String?
    /// True when an earlier session was resumed: no certificates were sent again.
    public var isResumed: Bool { SSL_session_reused(ssl) == 1 }
    /// True once the peer has said that it sends nothing more.
    public private(set) var isClosedByPeer = false
    private var isShutDown = false

    /// Begins a connection: waits for a client when the context is a server's, otherwise has a
    /// first message for the socket at once. A client must say whom it expects; a server leaves
    /// `expecting` out.
    public init(context: TLSContext, expecting: ExpectedPeer? = nil) throws(Fault) {
        guard context.isServer == (expecting == nil) else {
            throw Fault(
                .inner,
                context.isServer
                    ? "a TLS server cannot expect a peer of one name"
                    : "a TLS client must say whom it expects")
        }
        ERR_clear_error()
        guard let ssl = SSL_new(context.pointer) else {
            throw OpenSSLErrors.drain().fault(.inner, "no TLS session could be made")
        }
        self.context = context
        self.expected = expecting
        self.ssl = ssl
        let bio = link.makeBIO()
        SSL_set_bio(ssl, bio, bio)
        _ = SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        if context.isServer {
            SSL_set_accept_state(ssl)
        } else {
            SSL_set_connect_state(ssl)
            if let expecting { try prepare(for: expecting) }
            try advance()
        }
    }

    deinit {
        // OpenSSL takes a session that ended without both close messages for a broken one and never
        // resumes it; HTTP has its own framing, so an end without them is no truncation here.
        if isEstablished, failure == nil {
            SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        }
        SSL_free(ssl)
    }

    /// Takes bytes from the socket and gives what they decrypt to, in order, in pieces of up to 16
    /// KiB that are valid during the call only. After it, whether it throws or not, send
    /// `takeOutput()` to the socket: a refusal has an alert to send. A fault is final.
    public func receive(
        _ ciphertext: UnsafeRawBufferPointer, _ plaintext: (UnsafeRawBufferPointer) -> Void
    ) throws(Fault) {
        if let failure { throw failure }
        if isReceiving {
            nested.append(Bytes(copying: ciphertext))
            return
        }
        isReceiving = true
        defer { isReceiving = false }
        try process(ciphertext, plaintext)
        while !nested.isEmpty {
            let more = nested.removeFirst()
            try more.withUnsafeBytes { bytes throws(Fault) in try process(bytes, plaintext) }
        }
    }

    /// Encrypts `plaintext`, or holds up to `earlyLimit` bytes of it until the handshake is done.
    public func send(_ plaintext: UnsafeRawBufferPointer) throws(Fault) {
        if let failure { throw failure }
        guard !isShutDown else {
            throw Fault(.precondition, "bytes were sent on a TLS session that was shut down")
        }
        guard plaintext.count > 0 else { return }
        guard isEstablished else {
            guard earlyCount + plaintext.count <= Self.earlyLimit else {
                throw Fault(
                    .exhausted,
                    "\(earlyCount + plaintext.count) bytes were sent before the TLS handshake was "
                        + "done, \(Self.earlyLimit) are possible",
                    remedy: "wait until the session is established")
            }
            early.append(Bytes(copying: plaintext))
            earlyCount += plaintext.count
            return
        }
        try encrypt(plaintext)
    }

    /// All ciphertext that waits for the socket, or `nil`.
    public func takeOutput() -> Bytes? { link.take() }

    /// Says to the peer that nothing more comes; the message is part of the next `takeOutput()`.
    public func shutdown() {
        guard isEstablished, failure == nil, !isShutDown else { return }
        isShutDown = true
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
    }
}

// What happens inside.
extension TLSSession {
    /// Called by OpenSSL for the peer's own certificate once its chain is right.
    func accepts(_ certificate: OpaquePointer) -> Bool {
        do throws(Fault) {
            try TLSPeerCheck.check(certificate, expected: expected)
            return true
        } catch {
            refusal = error
            return false
        }
    }

    private func prepare(for expecting: ExpectedPeer) throws(Fault) {
        if case .host(let name) = expecting { try TLSPeerCheck.require(host: name, on: ssl) }
        context.resumable.offer(expecting, on: ssl)
    }

    private func process(
        _ ciphertext: UnsafeRawBufferPointer, _ plaintext: (UnsafeRawBufferPointer) -> Void
    ) throws(Fault) {
        link.input = ciphertext
        defer { link.input = UnsafeRawBufferPointer(start: nil, count: 0) }
        if !isEstablished { try advance() }
        guard isEstablished, !isClosedByPeer else { return }
        let outcome = withUnsafeTemporaryAllocation(
            byteCount: MemoryLink.recordLimit, alignment: 16
        ) { buffer -> Result<Void, Fault> in
            do throws(Fault) {
                try readAll(into: buffer, plaintext)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
    }

    private func readAll(
        into buffer: UnsafeMutableRawBufferPointer, _ plaintext: (UnsafeRawBufferPointer) -> Void
    ) throws(Fault) {
        while failure == nil {
            ERR_clear_error()
            var count = 0
            let result = SSL_read_ex(ssl, buffer.baseAddress, buffer.count, &count)
            if result == 1 {
                plaintext(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                continue
            }
            switch SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ: return
            case SSL_ERROR_ZERO_RETURN:
                isClosedByPeer = true
                return
            default: throw fail(TLSFaults.make(for: ssl, isServer: context.isServer, refusal))
            }
        }
    }

    /// Takes the handshake as far as the bytes allow.
    private func advance() throws(Fault) {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        guard result == 1 else {
            if SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ { return }
            throw fail(TLSFaults.make(for: ssl, isServer: context.isServer, refusal))
        }
        try establish()
    }

    private func establish() throws(Fault) {
        if let certificate = SSL_get0_peer_certificate(ssl) {
            // Again, since a resumed session shows no certificate to the verify callback, and time
            // has passed.
            do throws(Fault) {
                peer = try TLSPeerCheck.check(certificate, expected: expected)
            } catch {
                throw fail(error)
            }
        }
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        if count > 0 {
            let bytes = UnsafeBufferPointer(start: name, count: Int(count))
            applicationProtocol = String(decoding: bytes, as: UTF8.self)
        }
        isEstablished = true
        let held = early
        early = []
        for piece in held {
            try piece.withUnsafeBytes { bytes throws(Fault) in try encrypt(bytes) }
        }
    }

    private func encrypt(_ plaintext: UnsafeRawBufferPointer) throws(Fault) {
        link.reserve(plaintext: plaintext.count)
        ERR_clear_error()
        var written = 0
        let result = SSL_write_ex(ssl, plaintext.baseAddress, plaintext.count, &written)
        guard result == 1, written == plaintext.count else {
            throw fail(TLSFaults.make(for: ssl, isServer: context.isServer, refusal))
        }
    }

    private func fail(_ fault: Fault) -> Fault {
        failure = fault
        if let expected { context.resumable.forget(expected) }
        return fault
    }
}
