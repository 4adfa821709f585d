import COpenSSL
import Ground

/// Turns what OpenSSL says about a failed session into words that name the cause and the remedy.
enum TLSFaults {
    /// The fault of a session that just failed. Empties this thread's error queue.
    static func make(for ssl: OpaquePointer, isServer: Bool, _ refusal: Fault?) -> Fault {
        let errors = OpenSSLErrors.drain()
        if let refusal { return refusal }
        let verdict = SSL_get_verify_result(ssl)
        if verdict != Int(X509_V_OK), errors.hasTLS(SSL_R_CERTIFICATE_VERIFY_FAILED) {
            return certificate(verdict, ssl)
        }
        if let alert = errors.alert { return answered(alert, errors) }
        return own(errors, isServer: isServer)
    }

    /// This side refused the other's chain.
    private static func certificate(_ verdict: Int, _ ssl: OpaquePointer) -> Fault {
        let words = X509_verify_cert_error_string(verdict).map { String(cString: $0) } ?? "unknown"
        let remedy: String
        switch Int32(truncatingIfNeeded: verdict) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            remedy = "renew it with `canopy cert renew`"
        case X509_V_ERR_CERT_NOT_YET_VALID:
            remedy = "set the clocks of both machines"
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
            X509_V_ERR_CERT_SIGNATURE_FAILURE:
            remedy = "let the same authority sign both ends, or trust the one that signed this"
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            remedy = "connect by a name that stands in the certificate"
        default:
            remedy = "look at it with `canopy cert show`"
        }
        return Fault(
            .unauthenticated, "the peer's certificate was refused: \(words)", source: .peer,
            remedy: remedy)
    }

    /// The other side sent an alert.
    private static func answered(_ alert: Int32, _ errors: OpenSSLErrors) -> Fault {
        switch alert {
        case SSL_AD_PROTOCOL_VERSION:
            return Fault(
                .unsupported, "the peer speaks no TLS 1.3", source: .peer,
                remedy: "update the peer: only TLS 1.3 is spoken here")
        case SSL_AD_NO_APPLICATION_PROTOCOL:
            return Fault(
                .unsupported, "the peer speaks none of the application protocols offered",
                source: .peer, remedy: "check that the address is an HTTP/2 port")
        case TLS13_AD_CERTIFICATE_REQUIRED:
            return Fault(
                .unauthenticated, "the peer wants a certificate and none was shown", source: .peer,
                remedy: "name this side's certificate and key")
        case SSL_AD_CERTIFICATE_EXPIRED:
            return Fault(
                .unauthenticated, "the peer says that this side's certificate has expired",
                source: .peer, remedy: "renew it with `canopy cert renew`")
        case SSL_AD_UNKNOWN_CA:
            return Fault(
                .unauthenticated, "the peer does not trust who signed this side's certificate",
                source: .peer, remedy: "let an authority sign it that the peer trusts")
        case SSL_AD_BAD_CERTIFICATE, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNSUPPORTED_CERTIFICATE,
            SSL_AD_CERTIFICATE_REVOKED, SSL_AD_ACCESS_DENIED:
            return Fault(
                .unauthenticated, "the peer refused this side's certificate: \(errors.text)",
                source: .peer, remedy: "see the peer's log")
        default:
            return Fault(
                .unavailable, "the peer ended the TLS handshake: \(errors.text)", source: .peer)
        }
    }

    /// This side could not go on.
    private static func own(_ errors: OpenSSLErrors, isServer: Bool) -> Fault {
        if errors.hasTLS(SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
            return Fault(
                .unauthenticated, "the peer presented no certificate", source: .peer,
                remedy: "give the client a certificate of a trusted authority")
        }
        if errors.hasTLS(SSL_R_UNSUPPORTED_PROTOCOL) || errors.hasTLS(SSL_R_VERSION_TOO_LOW) {
            return Fault(
                .unsupported, "TLS 1.2 or older was offered, TLS 1.3 is needed", source: .peer,
                remedy: "update the peer")
        }
        if errors.hasTLS(SSL_R_NO_APPLICATION_PROTOCOL) {
            return Fault(
                .unsupported, "the client offers no application protocol that is spoken here",
                source: .peer, remedy: "offer h2 or http/1.1")
        }
        if errors.hasTLS(SSL_R_HTTP_REQUEST) || errors.hasTLS(SSL_R_HTTPS_PROXY_REQUEST) {
            return Fault(
                .invalid, "plain HTTP came to a port that speaks TLS", source: .peer,
                remedy: "use https://")
        }
        return errors.fault(
            .invalid,
            isServer ? "what the client sent is no TLS 1.3" : "what the server sent is no TLS 1.3",
            source: .peer, remedy: "check that the address and port are a TLS listener's")
    }
}
