import COpenSSL

/// What OpenSSL calls back, on the thread of the session that it is working for.
enum TLSCallbacks {
    /// The session that an `SSL` belongs to, held in its first extra slot.
    static func session(_ ssl: OpaquePointer?) -> TLSSession? {
        guard let data = SSL_get_ex_data(ssl, 0) else { return nil }
        return Unmanaged<TLSSession>.fromOpaque(data).takeUnretainedValue()
    }

    /// Judges the peer's own certificate after OpenSSL has judged the chain.
    static let verify: SSL_verify_cb = { accepted, store in
        guard accepted == 1, X509_STORE_CTX_get_error_depth(store) == 0 else { return accepted }
        let slot = SSL_get_ex_data_X509_STORE_CTX_idx()
        guard let ssl = X509_STORE_CTX_get_ex_data(store, slot),
            let certificate = X509_STORE_CTX_get_current_cert(store),
            let session = TLSCallbacks.session(OpaquePointer(ssl))
        else { return 0 }
        if session.accepts(certificate) { return 1 }
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
        return 0
    }

    /// The server's first protocol that the client offers too; nothing in common ends the
    /// handshake.
    static let selectProtocol: SSL_CTX_alpn_select_cb_func = { ssl, out, outCount, list, count, _ in
        guard let session = TLSCallbacks.session(ssl), let list else { return SSL_TLSEXT_ERR_NOACK }
        let wanted = session.context.protocols
        if wanted.isEmpty { return SSL_TLSEXT_ERR_NOACK }
        let offered = UnsafeBufferPointer(start: list, count: Int(count))
        var start = 0
        while start < wanted.count {
            let name = wanted[start + 1..<start + 1 + Int(wanted[start])]
            var at = 0
            while at < offered.count {
                let end = at + 1 + Int(offered[at])
                guard end <= offered.count else { break }
                if offered[at + 1..<end].elementsEqual(name) {
                    out?.pointee = list + at + 1
                    outCount?.pointee = offered[at]
                    return SSL_TLSEXT_ERR_OK
                }
                at = end
            }
            start += 1 + name.count
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    /// Keeps a ticket that a server sent. Answering 0 leaves OpenSSL its own reference.
    static let keepSession: @convention(c) (OpaquePointer?, OpaquePointer?) -> Int32 = {
        guard let session = TLSCallbacks.session($0), let expected = session.expected,
            let ticket = $1
        else { return 0 }
        session.context.resumable.keep(ticket, for: expected)
        return 0
    }
}
