import COpenSSL
import Ground

/// Puts certificates, keys and authorities into an OpenSSL context.
enum TLSTrust {
    static func apply(_ trust: TLSSettings.Trust, to context: OpaquePointer) throws(Fault) {
        switch trust {
        case .nobody: return
        case .system:
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw OpenSSLErrors.drain().fault(
                    .notFound, "the machine's certificate store could not be read",
                    remedy: "install the package ca-certificates")
            }
        case .authorities(let pem):
            guard let store = SSL_CTX_get_cert_store(context) else {
                throw OpenSSLErrors.drain().fault(.inner, "the TLS context has no store")
            }
            for authority in try PEM.certificates(pem, what: "authorities' file") {
                // The store and the list of names sent to clients each keep a reference.
                guard X509_STORE_add_cert(store, authority.pointer) == 1,
                    SSL_CTX_add_client_CA(context, authority.pointer) == 1
                else { throw OpenSSLErrors.drain().fault(.invalid, "an authority was refused") }
            }
        }
    }

    /// Uses the chain and the key; answers whom the first certificate names, `nil` for a foreign
    /// one.
    static func use(
        _ credentials: TLSCredentials, in context: OpaquePointer
    ) throws(Fault) -> PeerIdentity? {
        let chain = try PEM.certificates(credentials.certificateChain, what: "certificate file")
        let key = try PEM.privateKey(credentials.privateKey, what: "key file")
        guard SSL_CTX_use_certificate(context, chain[0].pointer) == 1 else {
            throw OpenSSLErrors.drain().fault(.invalid, "OpenSSL refused the certificate")
        }
        for certificate in chain.dropFirst() {
            guard canopy_ctx_add_chain(context, certificate.pointer) == 1 else {
                throw OpenSSLErrors.drain().fault(.invalid, "OpenSSL refused the chain")
            }
        }
        guard SSL_CTX_use_PrivateKey(context, key.pointer) == 1 else {
            throw OpenSSLErrors.drain().fault(
                .invalid,
                "the key does not belong to the certificate of "
                    + X509Reading(chain[0].pointer).subject,
                remedy: "give the key that was made with this certificate")
        }
        return try? X509Reading(chain[0].pointer).identity()
    }
}
