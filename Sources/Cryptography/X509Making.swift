import COpenSSL
import Ground

/// A certificate in the making.
struct X509Making {
    let certificate: Owned

    /// How long before its making a certificate is already valid: clocks of a fleet differ by
    /// minutes.
    private static let skew: Int64 = 300
    /// Bytes of a serial number: the most that RFC 5280 allows with the top bit clear.
    private static let serialBytes = 19

    /// A new P-256 key.
    static func newKey() throws(Fault) -> Owned {
        guard let key = canopy_new_p256_key() else {
            throw OpenSSLErrors.drain().fault(.inner, "no P-256 key could be made")
        }
        return .key(key)
    }

    /// An unsigned X.509 v3 certificate with a random serial number.
    init(commonName: String, key: Owned, from now: WallTime, validity: Interval) throws(Fault) {
        guard validity > .zero else {
            throw Fault(.invalid, "a certificate's validity is \(validity.seconds) s, not above 0")
        }
        ERR_clear_error()
        guard let pointer = X509_new() else {
            throw OpenSSLErrors.drain().fault(.inner, "no memory for a certificate")
        }
        certificate = .certificate(pointer)
        let start = Self.seconds(now)
        let end = start + validity.nanoseconds / 1_000_000_000
        let subject = X509_get_subject_name(pointer)
        guard X509_set_version(pointer, Int(X509_VERSION_3)) == 1,
            try setSerial(),
            ASN1_TIME_set(X509_getm_notBefore(pointer), Int(start - Self.skew)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(pointer), Int(end)) != nil,
            X509_NAME_add_entry_by_NID(
                subject, NID_commonName, MBSTRING_UTF8, Array(commonName.utf8),
                Int32(commonName.utf8.count), -1, 0) == 1,
            X509_set_pubkey(pointer, key.pointer) == 1
        else {
            throw OpenSSLErrors.drain().fault(
                .invalid, "no certificate can be made for “\(commonName)”")
        }
    }

    /// Adds an extension in OpenSSL's own notation; only fixed texts come here.
    func add(_ extension: Int32, _ value: String, issuer: OpaquePointer) throws(Fault) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer, certificate.pointer, nil, nil, 0)
        guard let made = X509V3_EXT_conf_nid(nil, &context, `extension`, value) else {
            throw OpenSSLErrors.drain().fault(.inner, "the extension \(value) could not be made")
        }
        defer { X509_EXTENSION_free(made) }
        guard X509_add_ext(certificate.pointer, made, -1) == 1 else {
            throw OpenSSLErrors.drain().fault(.inner, "the extension \(value) could not be added")
        }
    }

    /// Adds the subject alternative names: one URI, then hosts. Built value by value, so no name
    /// can smuggle in another.
    func addNames(uri: String, hosts: [String]) throws(Fault) {
        guard hosts.count < X509Reading.nameLimit else {
            throw Fault(
                .exhausted,
                "\(hosts.count) hosts were given, at most "
                    + "\(X509Reading.nameLimit - 1) stand in a certificate",
                remedy: "use a wildcard name, or a certificate for each part")
        }
        guard let list = GENERAL_NAMES_new() else {
            throw OpenSSLErrors.drain().fault(.inner, "no memory for names")
        }
        defer { GENERAL_NAMES_free(list) }
        try Self.push(GEN_URI, Self.text(uri), onto: list)
        for host in hosts {
            if let address = a2i_IPADDRESS(host) {
                try Self.push(GEN_IPADD, UnsafeMutableRawPointer(address), onto: list)
            } else if Self.isHostName(host) {
                try Self.push(GEN_DNS, Self.text(host), onto: list)
            } else {
                throw Fault(
                    .invalid, "“\(host)” is neither a DNS name nor a numeric address",
                    remedy: "write it without port, scheme and brackets")
            }
        }
        guard
            X509_add1_ext_i2d(
                certificate.pointer, NID_subject_alt_name, UnsafeMutableRawPointer(list), 0, 0) == 1
        else { throw OpenSSLErrors.drain().fault(.inner, "the names could not be added") }
    }

    /// Signs with SHA-256. An authority signs its own with itself as the issuer.
    func sign(issuer: Owned, key: Owned) throws(Fault) {
        let name = X509_get_subject_name(issuer.pointer)
        guard X509_set_issuer_name(certificate.pointer, name) == 1,
            X509_sign(certificate.pointer, key.pointer, EVP_sha256()) > 0
        else { throw OpenSSLErrors.drain().fault(.inner, "the certificate could not be signed") }
    }

    private func setSerial() throws(Fault) -> Bool {
        var bytes = try SecureRandom.bytes(Self.serialBytes)
        // A leading zero would make the number shorter, an all-zero one would be refused.
        bytes[0] = bytes[0] & 0x7F | 0x40
        guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else { return false }
        defer { BN_free(number) }
        return BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.pointer)) != nil
    }

    private static func push(
        _ kind: Int32, _ value: UnsafeMutableRawPointer?, onto list: OpaquePointer
    ) throws(Fault) {
        guard let name = GENERAL_NAME_new(), let value else {
            throw OpenSSLErrors.drain().fault(.inner, "no memory for a name")
        }
        GENERAL_NAME_set0_value(name, kind, value)
        guard OPENSSL_sk_push(list, name) > 0 else {
            GENERAL_NAME_free(name)
            throw OpenSSLErrors.drain().fault(.inner, "no memory for a name")
        }
    }

    private static func text(_ value: String) -> UnsafeMutableRawPointer? {
        guard let text = ASN1_IA5STRING_new() else { return nil }
        let bytes = Array(value.utf8)
        guard ASN1_STRING_set(text, bytes, Int32(bytes.count)) == 1 else {
            ASN1_STRING_free(text)
            return nil
        }
        return UnsafeMutableRawPointer(text)
    }

    /// Letters, digits and inner dashes in labels of 1 to 63, 253 bytes in all; the first label may
    /// be `*`.
    static func isHostName(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        var labels = text.split(separator: ".", omittingEmptySubsequences: false)
        if labels.count > 2, labels[0] == "*" { labels.removeFirst() }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy {
                    switch $0 {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"),
                        UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                        true
                    default: false
                    }
                }
        }
    }

    private static func seconds(_ time: WallTime) -> Int64 { time.nanoseconds / 1_000_000_000 }
}
