import COpenSSL
public import Ground

/// Signs certificates for nodes, clients and roles: ECDSA on P-256 with SHA-256.
public struct CertificateAuthority: Sendable {
    /// The authority's certificate (first) and key. The certificate is what others trust; the key
    /// is the secret.
    public let credentials: TLSCredentials
    private let certificate: Owned
    private let key: Owned

    /// How long an authority is valid when nothing else is said: 10 years, since changing one means
    /// a visit everywhere.
    public static let authorityValidity = Interval.seconds(3_650 * 86_400)
    /// How long a leaf is valid when nothing else is said: 90 days, since it is renewed by
    /// machines.
    public static let leafValidity = Interval.seconds(90 * 86_400)

    /// Makes a new authority whose common name is `name`.
    public static func make(
        name: String, now: WallTime, validity: Interval = authorityValidity
    ) throws(Fault) -> CertificateAuthority {
        let key = try X509Making.newKey()
        let making = try X509Making(commonName: name, key: key, from: now, validity: validity)
        try making.add(
            NID_basic_constraints, "critical,CA:TRUE", issuer: making.certificate.pointer)
        try making.add(
            NID_key_usage, "critical,keyCertSign,cRLSign", issuer: making.certificate.pointer)
        try making.add(NID_subject_key_identifier, "hash", issuer: making.certificate.pointer)
        try making.sign(issuer: making.certificate, key: key)
        return try CertificateAuthority(
            credentials: TLSCredentials(
                certificateChain: PEM.text(ofCertificate: making.certificate.pointer),
                privateKey: PEM.text(ofKey: key.pointer)))
    }

    /// Takes an authority that exists; a fault when certificate and key do not belong together or
    /// may not sign.
    public init(credentials: TLSCredentials) throws(Fault) {
        let chain = try PEM.certificates(
            credentials.certificateChain, what: "authority's certificate file")
        let key = try PEM.privateKey(credentials.privateKey, what: "authority's key file")
        guard X509_check_private_key(chain[0].pointer, key.pointer) == 1 else {
            throw OpenSSLErrors.drain().fault(
                .invalid, "the authority's key does not belong to its certificate",
                remedy: "give the key that was made with it")
        }
        guard X509Reading(chain[0].pointer).isAuthority else {
            throw Fault(
                .invalid,
                "the certificate of \(X509Reading(chain[0].pointer).subject) is no authority's",
                remedy: "give the file that `canopy cert init` made")
        }
        self.credentials = credentials
        certificate = chain[0]
        self.key = key
    }

    /// A new certificate and key for `name`, valid from five minutes before `now`. `hosts` are DNS
    /// names and numeric addresses by which foreign clients reach a server; Canopy's own nodes go
    /// by the name.
    public func issue(
        _ kind: PeerIdentity.Kind, _ name: String, hosts: [String] = [], now: WallTime,
        validity: Interval = leafValidity
    ) throws(Fault) -> TLSCredentials {
        guard PeerIdentity.isName(name) else {
            throw Fault(
                .invalid, "“\(name)” cannot be the name of a \(kind.rawValue)",
                remedy: "use 1 to 63 letters, digits, dots, dashes and underscores")
        }
        let leafKey = try X509Making.newKey()
        let making = try X509Making(commonName: name, key: leafKey, from: now, validity: validity)
        try checkLifetime(of: making, name)
        let issuer = certificate.pointer
        try making.add(NID_basic_constraints, "critical,CA:FALSE", issuer: issuer)
        try making.add(NID_key_usage, "critical,digitalSignature", issuer: issuer)
        try making.add(NID_ext_key_usage, "serverAuth,clientAuth", issuer: issuer)
        try making.add(NID_subject_key_identifier, "hash", issuer: issuer)
        try making.add(NID_authority_key_identifier, "keyid:always", issuer: issuer)
        try making.addNames(uri: PeerIdentity.uri(kind, name), hosts: hosts)
        try making.sign(issuer: certificate, key: key)
        var chain = try PEM.text(ofCertificate: making.certificate.pointer)
        if !isRoot { chain += credentials.certificateChain }
        return TLSCredentials(
            certificateChain: chain, privateKey: try PEM.text(ofKey: leafKey.pointer))
    }

    /// A new certificate and key for the same identity and hosts as `chain`'s first certificate,
    /// which this authority must have signed.
    public func renew(
        _ chain: [UInt8], now: WallTime, validity: Interval = leafValidity
    ) throws(Fault) -> TLSCredentials {
        let owned = try PEM.certificates(chain, what: "certificate file")
        let old = owned[0].pointer
        guard X509_verify(old, X509_get0_pubkey(certificate.pointer)) == 1 else {
            ERR_clear_error()
            throw Fault(
                .forbidden,
                "the certificate of \(X509Reading(old).subject) was signed by "
                    + "\(X509Reading(old).issuer), not by this authority",
                remedy: "issue a new one")
        }
        let (identity, names) = try withExtendedLifetime(owned) {
            () throws(Fault) -> (PeerIdentity, X509Reading.Names) in
            (try X509Reading(old).identity(), X509Reading(old).names())
        }
        return try issue(
            identity.kind, identity.name, hosts: names.dns + names.addresses, now: now,
            validity: validity)
    }

    /// A root is in everybody's trust already; what lies below one must travel in the chain.
    private var isRoot: Bool {
        X509_NAME_cmp(
            X509_get_subject_name(certificate.pointer), X509_get_issuer_name(certificate.pointer))
            == 0
    }

    private func checkLifetime(of making: X509Making, _ name: String) throws(Fault) {
        let own = X509Reading(certificate.pointer)
        let leaf = X509Reading(making.certificate.pointer)
        guard leaf.notAfter <= own.notAfter else {
            throw Fault(
                .precondition,
                "a certificate for \(name) would outlive the authority \(own.subject)",
                remedy: "ask for a shorter validity, or make a new authority")
        }
    }
}
