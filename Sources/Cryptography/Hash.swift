import COpenSSL
public import Ground

/// SHA-256 of bytes in memory.
public enum Hash {
    /// The digest of `bytes`.
    public static func sha256(_ bytes: UnsafeRawBufferPointer) -> Digest {
        digest { out in
            EVP_Digest(bytes.baseAddress, bytes.count, out, nil, SHA256Method.shared.method, nil)
        }
    }

    /// The digest of an array.
    public static func sha256(_ bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes { sha256($0) }
    }

    /// The digest of a slice of a slab.
    public static func sha256(_ bytes: Bytes) -> Digest {
        bytes.withUnsafeBytes { sha256($0) }
    }

    /// HMAC with SHA-256 (RFC 2104) of `bytes`; 32 bytes.
    public static func hmac(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        digest { out in
            var length: UInt32 = 0
            let made = HMAC(
                EVP_sha256(), key, Int32(key.count), bytes, bytes.count, out, &length)
            return made != nil && length == 32 ? 1 : 0
        }.bytes
    }
}

/// SHA-256 of bytes that come in pieces.
public final class StreamingHash {
    private let context: OpaquePointer

    public init() {
        guard let context = EVP_MD_CTX_new() else { fatalError("OpenSSL has no memory for a hash") }
        self.context = context
        restart()
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes the next piece.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
            fatalError("OpenSSL refused to continue a SHA-256")
        }
    }

    /// The digest of all pieces; the next `update` starts a new one.
    public func finish() -> Digest {
        let result = digest { out in EVP_DigestFinal_ex(context, out, nil) }
        restart()
        return result
    }

    private func restart() {
        guard EVP_DigestInit_ex2(context, SHA256Method.shared.method, nil) == 1 else {
            fatalError("OpenSSL refused to start a SHA-256")
        }
    }
}

/// OpenSSL 3 looks a method up by name, which costs more than hashing a small frame: it is done
/// once.
private struct SHA256Method: @unchecked Sendable {
    static let shared = SHA256Method()
    let method: OpaquePointer

    private init() {
        guard let method = EVP_MD_fetch(nil, "SHA2-256", nil) else {
            fatalError("this OpenSSL has no SHA-256; install the default provider of OpenSSL 3")
        }
        self.method = method
    }
}

/// Runs `fill` on 32 bytes; a hash fails only when OpenSSL itself is broken, which nobody can
/// handle.
private func digest(_ fill: (UnsafeMutablePointer<UInt8>) -> Int32) -> Digest {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { out in
        guard let base = out.baseAddress, fill(base) == 1, let digest = Digest(bytes: out) else {
            fatalError("OpenSSL failed to finish a SHA-256")
        }
        return digest
    }
}
