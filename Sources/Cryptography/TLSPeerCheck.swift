import COpenSSL
import Ground

/// Whether a certificate is the one that this side wants to speak with.
enum TLSPeerCheck {
    /// The identity that `certificate` names; `nil` for a foreign server, whose host OpenSSL has
    /// checked.
    @discardableResult
    static func check(
        _ certificate: OpaquePointer, expected: ExpectedPeer?
    ) throws(Fault) -> PeerIdentity? {
        let reading = X509Reading(certificate)
        guard !reading.hasExpired else {
            throw Fault(
                .unauthenticated, "the certificate of \(reading.subject) has expired",
                source: .peer, remedy: "renew it with `canopy cert renew`")
        }
        switch expected {
        case .host: return try? reading.identity()
        case nil: return try reading.identity()
        case .node(let name):
            let identity = try reading.identity()
            guard identity.kind == .node, identity.name == name else {
                throw Fault(
                    .unauthenticated,
                    "the peer is \(identity.uri), expected \(PeerIdentity.uri(.node, name))",
                    source: .peer,
                    remedy: "correct the node's address in the topology, or its certificate")
            }
            return identity
        }
    }

    /// Has OpenSSL check that the server's certificate names `host`, a DNS name or a numeric
    /// address.
    static func require(host: String, on ssl: OpaquePointer) throws(Fault) {
        let isAddress = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
        if isAddress { return }
        ERR_clear_error()
        guard !host.isEmpty, SSL_set1_host(ssl, host) == 1,
            canopy_ssl_set_server_name(ssl, host) == 1
        else {
            throw OpenSSLErrors.drain().fault(.invalid, "“\(host)” cannot be a TLS host name")
        }
    }
}
