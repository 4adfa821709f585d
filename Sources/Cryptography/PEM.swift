import COpenSSL
import Ground

/// An owned OpenSSL object, freed with the last reference.
final class Owned: @unchecked Sendable {
    let pointer: OpaquePointer
    private let free: @Sendable (OpaquePointer) -> Void

    init(_ pointer: OpaquePointer, free: @escaping @Sendable (OpaquePointer) -> Void) {
        self.pointer = pointer
        self.free = free
    }

    deinit { free(pointer) }

    static func certificate(_ pointer: OpaquePointer) -> Owned { Owned(pointer) { X509_free($0) } }
    static func key(_ pointer: OpaquePointer) -> Owned { Owned(pointer) { EVP_PKEY_free($0) } }
}

/// Certificates and keys as PEM text.
///
/// Reading passes a callback that refuses: OpenSSL would otherwise ask the terminal for a password.
enum PEM {
    /// Longest PEM text read: 64 certificates of 16 KiB.
    static let byteLimit = 1 << 20
    /// Most certificates in one text: a chain has 2 or 3, a set of authorities a dozen.
    static let certificateLimit = 256

    /// All certificates of `text` in order; a fault when there is none.
    static func certificates(_ text: [UInt8], what: String) throws(Fault) -> [Owned] {
        let bio = try reader(text, what: what)
        defer { BIO_free(bio) }
        ERR_clear_error()
        var found: [Owned] = []
        while let certificate = PEM_read_bio_X509(bio, nil, { _, _, _, _ in -1 }, nil) {
            found.append(.certificate(certificate))
            guard found.count <= certificateLimit else {
                throw Fault(
                    .invalid, "the \(what) holds more than \(certificateLimit) certificates")
            }
        }
        let errors = OpenSSLErrors.drain()
        guard !found.isEmpty else {
            throw errors.fault(
                .invalid, "the \(what) holds no PEM certificate",
                remedy: "give a file that starts with -----BEGIN CERTIFICATE-----")
        }
        // The end of the text shows as “no start line”; anything else is a broken certificate.
        guard errors.entries.allSatisfy({ $0.reason == PEM_R_NO_START_LINE }) else {
            throw errors.fault(.invalid, "certificate \(found.count + 1) of the \(what) is broken")
        }
        return found
    }

    /// The private key of `text`, without a password.
    static func privateKey(_ text: [UInt8], what: String) throws(Fault) -> Owned {
        let bio = try reader(text, what: what)
        defer { BIO_free(bio) }
        ERR_clear_error()
        guard let key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) else {
            throw OpenSSLErrors.drain().fault(
                .invalid, "the \(what) holds no readable PEM private key",
                remedy: "give an unencrypted key that starts with -----BEGIN PRIVATE KEY-----")
        }
        return .key(key)
    }

    /// PEM text of a certificate.
    static func text(ofCertificate certificate: OpaquePointer) throws(Fault) -> [UInt8] {
        try written { PEM_write_bio_X509($0, certificate) }
    }

    /// PEM text (PKCS #8, not encrypted) of a private key.
    static func text(ofKey key: OpaquePointer) throws(Fault) -> [UInt8] {
        try written { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    private static func reader(_ text: [UInt8], what: String) throws(Fault) -> OpaquePointer {
        guard text.count <= byteLimit else {
            throw Fault(
                .exhausted, "the \(what) has \(text.count) bytes, \(byteLimit) are possible")
        }
        let bio = BIO_new(BIO_s_mem())
        guard let bio else { throw OpenSSLErrors.drain().fault(.inner, "no memory for PEM") }
        _ = BIO_write(bio, text, Int32(text.count))
        return bio
    }

    private static func written(_ body: (OpaquePointer) -> Int32) throws(Fault) -> [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else {
            throw OpenSSLErrors.drain().fault(.inner, "no memory for PEM")
        }
        defer { BIO_free(bio) }
        guard body(bio) == 1 else {
            throw OpenSSLErrors.drain().fault(.inner, "PEM could not be written")
        }
        var text = [UInt8](repeating: 0, count: BIO_ctrl_pending(bio))
        let count = BIO_read(bio, &text, Int32(text.count))
        return Array(text.prefix(Int(max(count, 0))))
    }
}
