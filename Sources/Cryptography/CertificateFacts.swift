import COpenSSL
public import Ground

/// What a person wants to know about a certificate.
public struct CertificateFacts: Sendable {
    public var subject: String
    public var issuer: String
    /// `nil` for an authority and for a foreign certificate.
    public var identity: PeerIdentity?
    /// DNS names, then numeric addresses.
    public var hosts: [String]
    public var notBefore: WallTime
    public var notAfter: WallTime
    public var isAuthority: Bool
    /// SHA-256 of the DER bytes.
    public var digest: Digest

    /// All certificates of a PEM text, in order.
    public static func read(_ pem: [UInt8]) throws(Fault) -> [CertificateFacts] {
        try PEM.certificates(pem, what: "certificate file").map {
            CertificateFacts(X509Reading($0.pointer))
        }
    }

    private init(_ reading: X509Reading) {
        let names = reading.names()
        subject = reading.subject
        issuer = reading.issuer
        identity = try? reading.identity()
        hosts = names.dns + names.addresses
        notBefore = reading.notBefore
        notAfter = reading.notAfter
        isAuthority = reading.isAuthority
        digest = reading.digest()
    }
}
