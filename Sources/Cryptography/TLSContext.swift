import COpenSSL
public import Ground

/// Everything that connections of one listener, or to one set of peers, have in common. Immutable.
///
/// A renewed certificate makes a new context: the listener hands it to the sessions that it begins
/// from then on. Tickets of the old context lead to a full handshake in the new one, so an
/// authority that was taken out is out at once.
public final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer
    let isServer: Bool
    let asksForCertificate: Bool
    /// Client side: what was agreed with which peer, to resume it.
    let resumable = ResumableSessions()
    /// Wire form of the protocols: length-prefixed names.
    let protocols: [UInt8]
    /// Whom the own certificate names, or `nil` without one.
    public let identity: PeerIdentity?

    /// Deepest chain below an authority: leaf, site, region, root.
    private static let chainDepth: Int32 = 4
    /// Most bytes of a peer's certificates: a chain of four P-256 certificates has about 4 KiB.
    private static let peerChainLimit = 32 << 10
    /// Seconds that a ticket resumes; also how long a taken-away certificate may still resume.
    private static let ticketLifetime = 7_200

    /// Makes a context; a fault names the certificate, key, authority or protocol that is wrong.
    public init(_ settings: TLSSettings) throws(Fault) {
        protocols = try Self.wireForm(settings.applicationProtocols)
        if case .server(let clients) = settings.role {
            isServer = true
            asksForCertificate = clients != .none
        } else {
            isServer = false
            asksForCertificate = true
        }
        ERR_clear_error()
        guard let context = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
            throw OpenSSLErrors.drain().fault(.inner, "no TLS context could be made")
        }
        pointer = context
        do throws(Fault) {
            identity = try Self.fill(context, settings)
            try configure(settings)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
    }

    deinit { SSL_CTX_free(pointer) }

    private static func fill(
        _ context: OpaquePointer, _ settings: TLSSettings
    ) throws(Fault) -> PeerIdentity? {
        if case .server(let clients) = settings.role {
            guard settings.credentials != nil else {
                throw Fault(
                    .invalid, "a TLS server has no certificate",
                    remedy: "make one with `canopy cert issue`")
            }
            if clients != .none, case .nobody = settings.trust {
                throw Fault(
                    .invalid, "clients must show certificates, but no authority is trusted",
                    remedy: "name the authorities' PEM file")
            }
        }
        try TLSTrust.apply(settings.trust, to: context)
        guard let credentials = settings.credentials else { return nil }
        return try TLSTrust.use(credentials, in: context)
    }

    private func configure(_ settings: TLSSettings) throws(Fault) {
        let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
        guard canopy_ctx_pin_tls13(pointer) == 1, SSL_CTX_set_ciphersuites(pointer, suites) == 1,
            canopy_ctx_set_groups(pointer, "X25519:P-256") == 1
        else { throw OpenSSLErrors.drain().fault(.inner, "TLS 1.3 could not be set up") }
        canopy_ctx_harden(pointer)
        canopy_ctx_cache_outside(pointer, isServer ? 0 : 1)
        canopy_ctx_set_max_cert_list(pointer, Self.peerChainLimit)
        SSL_CTX_set_timeout(pointer, Self.ticketLifetime)
        SSL_CTX_set_verify_depth(pointer, Self.chainDepth)
        SSL_CTX_set_verify(pointer, verifyMode(settings.role), TLSCallbacks.verify)
        if isServer {
            SSL_CTX_set_alpn_select_cb(pointer, TLSCallbacks.selectProtocol, nil)
            let scope = Array("canopy".utf8)
            _ = SSL_CTX_set_session_id_context(pointer, scope, UInt32(scope.count))
        } else {
            if !protocols.isEmpty {
                _ = SSL_CTX_set_alpn_protos(pointer, protocols, UInt32(protocols.count))
            }
            SSL_CTX_sess_set_new_cb(pointer, TLSCallbacks.keepSession)
        }
    }

    private func verifyMode(_ role: TLSSettings.Role) -> Int32 {
        guard case .server(let clients) = role else { return SSL_VERIFY_PEER }
        switch clients {
        case .required: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        case .optional: return SSL_VERIFY_PEER
        case .none: return SSL_VERIFY_NONE
        }
    }

    private static func wireForm(_ names: [String]) throws(Fault) -> [UInt8] {
        var bytes: [UInt8] = []
        for name in names {
            guard (1...255).contains(name.utf8.count) else {
                throw Fault(
                    .invalid,
                    "the protocol name “\(name)” has \(name.utf8.count) bytes, not 1 to 255")
            }
            bytes.append(UInt8(name.utf8.count))
            bytes.append(contentsOf: name.utf8)
        }
        return bytes
    }
}
