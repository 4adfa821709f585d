import COpenSSL
import Ground

/// Reads what Canopy needs out of an X.509 certificate, which the caller keeps alive.
struct X509Reading {
    let certificate: OpaquePointer

    init(_ certificate: OpaquePointer) { self.certificate = certificate }

    /// The subject alternative names of three kinds, as they stand in the certificate.
    struct Names {
        var uris: [String] = []
        var dns: [String] = []
        var addresses: [String] = []
    }

    /// More names than this are not read: a certificate of a node has a handful.
    static let nameLimit: Int32 = 64

    /// The one Canopy identity; a fault when there is none, more than one, or a malformed one.
    func identity() throws(Fault) -> PeerIdentity {
        let claims = names().uris.filter { $0.hasPrefix("canopy:") }
        guard let claim = claims.first else {
            throw Fault(
                .unauthenticated, "the certificate of \(subject) names no canopy identity",
                source: .peer, remedy: "issue it with `canopy cert issue`")
        }
        guard claims.count == 1 else {
            throw Fault(
                .unauthenticated,
                "the certificate of \(subject) names \(claims.count) canopy identities, not one",
                source: .peer, remedy: "issue one certificate for each identity")
        }
        guard let (kind, name) = PeerIdentity.parse(uri: claim) else {
            throw Fault(
                .unauthenticated,
                "“\(claim)” is not canopy:node:NAME, canopy:client:NAME or canopy:role:NAME",
                source: .peer, remedy: "issue the certificate anew")
        }
        return PeerIdentity(kind: kind, name: name, certificate: digest(), expiry: notAfter)
    }

    /// The subject's common name, or what stands for it in a message.
    var subject: String { commonName(X509_get_subject_name(certificate)) ?? "(no common name)" }

    /// The issuer's common name.
    var issuer: String { commonName(X509_get_issuer_name(certificate)) ?? "(no common name)" }

    var notBefore: WallTime { wallTime(X509_get0_notBefore(certificate)) }
    var notAfter: WallTime { wallTime(X509_get0_notAfter(certificate)) }
    var isAuthority: Bool { X509_check_ca(certificate) == 1 }

    /// True when the last valid moment has passed by the machine's clock, which OpenSSL reads
    /// itself.
    var hasExpired: Bool { X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 }

    /// SHA-256 of the DER bytes.
    func digest() -> Digest {
        var der: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &der)
        defer { CRYPTO_free(der, nil, 0) }
        return Hash.sha256(UnsafeRawBufferPointer(start: der, count: Int(max(count, 0))))
    }

    func names() -> Names {
        var names = Names()
        guard let list = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else {
            return names
        }
        defer { GENERAL_NAMES_free(OpaquePointer(list)) }
        for index in 0..<min(OPENSSL_sk_num(OpaquePointer(list)), Self.nameLimit) {
            guard let entry = OPENSSL_sk_value(OpaquePointer(list), index) else { continue }
            add(entry.assumingMemoryBound(to: GENERAL_NAME.self), to: &names)
        }
        return names
    }

    private func add(_ entry: UnsafePointer<GENERAL_NAME>, to names: inout Names) {
        var kind: Int32 = 0
        guard let value = GENERAL_NAME_get0_value(entry, &kind) else { return }
        let text = value.assumingMemoryBound(to: ASN1_STRING.self)
        let bytes = UnsafeBufferPointer(
            start: ASN1_STRING_get0_data(text), count: Int(max(ASN1_STRING_length(text), 0)))
        switch kind {
        case GEN_URI: names.uris.append(String(decoding: bytes, as: UTF8.self))
        case GEN_DNS: names.dns.append(String(decoding: bytes, as: UTF8.self))
        case GEN_IPADD: names.addresses.append(Self.address(bytes))
        default: break
        }
    }

    /// Text of a 4- or 16-byte address.
    private static func address(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        let groups = stride(from: 0, to: bytes.count - 1, by: 2).map {
            String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
        }
        return groups.joined(separator: ":")
    }

    private func commonName(_ name: OpaquePointer?) -> String? {
        let index = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        guard index >= 0, let entry = X509_NAME_get_entry(name, index),
            let text = X509_NAME_ENTRY_get_data(entry)
        else { return nil }
        let bytes = UnsafeBufferPointer(
            start: ASN1_STRING_get0_data(text), count: Int(max(ASN1_STRING_length(text), 0)))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Saturating: a certificate may name the year 9999, nanoseconds in 64 bits end in 2262.
    private func wallTime(_ time: UnsafePointer<ASN1_TIME>?) -> WallTime {
        guard let epoch = ASN1_TIME_set(nil, 0) else { return WallTime(nanoseconds: 0) }
        defer { ASN1_STRING_free(epoch) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else {
            return WallTime(nanoseconds: 0)
        }
        let total = Int64(days) * 86_400 + Int64(seconds)
        let (nanoseconds, over) = total.multipliedReportingOverflow(by: 1_000_000_000)
        return WallTime(nanoseconds: over ? (total < 0 ? .min : .max) : nanoseconds)
    }
}
