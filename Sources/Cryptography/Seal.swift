import COpenSSL
public import Ground

/// A secret of 32 bytes that things at rest are sealed with.
public struct SealingKey: Sendable {
    let bytes: [UInt8]

    /// Takes the key's 32 bytes.
    ///
    /// - Throws: `invalid` when there are not exactly 32.
    public init(_ bytes: [UInt8]) throws(Fault) {
        guard bytes.count == 32 else {
            throw Fault(
                .invalid, "a sealing key has 32 bytes, this one has \(bytes.count)",
                remedy: "make one with: openssl rand 32")
        }
        self.bytes = bytes
    }

    /// A key for one purpose, which tells nothing of this one: HMAC-SHA256 of the purpose's name
    /// and its salt.
    public func derived(_ purpose: String, salt: [UInt8]) -> SealingKey {
        SealingKey(trusted: mark(purpose, salt))
    }

    /// Eight bytes that say which key this is, and nothing of what it is.
    public var fingerprint: [UInt8] { Array(mark("canopy key fingerprint", []).prefix(8)) }

    private init(trusted: [UInt8]) { bytes = trusted }

    private func mark(_ purpose: String, _ salt: [UInt8]) -> [UInt8] {
        let text = Array(purpose.utf8) + [0] + salt
        var out = [UInt8](repeating: 0, count: 32)
        var count = 0
        let made = EVP_Q_mac(
            nil, "HMAC", nil, "SHA256", nil, bytes, bytes.count, text, text.count, &out, 32, &count)
        guard made != nil, count == 32 else { fatalError("OpenSSL failed to make an HMAC") }
        return out
    }
}

/// AES-256-GCM under one key. A number must be used once: two texts under one number give both
/// away. Not for several threads at once.
public final class Seal {
    /// Bytes that a sealed text is longer than the plain one.
    public static let overhead = 16
    private let context: OpaquePointer
    private let key: [UInt8]

    public init(_ key: SealingKey) {
        guard let context = EVP_CIPHER_CTX_new() else {
            fatalError("OpenSSL has no memory for a cipher")
        }
        self.context = context
        self.key = key.bytes
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// Seals `pieces`, one behind the other, into `out`, which has room for them and `overhead`
    /// bytes. `associated` is not hidden, and must be given again to open it.
    public func seal(
        _ pieces: [UnsafeRawBufferPointer], number: UInt64, associated: [UInt8],
        into out: UnsafeMutableRawBufferPointer
    ) throws(Fault) {
        let start = out.baseAddress!.assumingMemoryBound(to: UInt8.self)
        try begin(number, associated, sealing: true)
        var position = 0
        for piece in pieces where piece.count > 0 {
            var count: Int32 = 0
            let done = EVP_CipherUpdate(
                context, start + position, &count,
                piece.baseAddress!.assumingMemoryBound(to: UInt8.self), Int32(piece.count))
            guard done == 1 else { throw fault("seal") }
            position += Int(count)
        }
        var last: Int32 = 0
        guard EVP_CipherFinal_ex(context, start + position, &last) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, start + position) == 1
        else { throw fault("seal") }
    }

    /// Opens `sealed` in its place: the plain text is its first bytes but `overhead`.
    ///
    /// - Throws: `corrupt` when it was not sealed so, or was changed.
    public func open(
        _ sealed: UnsafeMutableRawBufferPointer, number: UInt64, associated: [UInt8]
    ) throws(Fault) {
        let length = sealed.count - Self.overhead
        guard length >= 0, let base = sealed.baseAddress else {
            throw Fault(.corrupt, "a sealed text has at least \(Self.overhead) bytes")
        }
        let start = base.assumingMemoryBound(to: UInt8.self)
        try begin(number, associated, sealing: false)
        var count: Int32 = 0
        guard EVP_CipherUpdate(context, start, &count, start, Int32(length)) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, start + length) == 1
        else { throw fault("open") }
        guard EVP_CipherFinal_ex(context, start + length, &count) == 1 else {
            _ = OpenSSLErrors.drain()
            throw Fault(.corrupt, "a sealed text of \(length) bytes does not open")
        }
    }

    private func begin(
        _ number: UInt64, _ associated: [UInt8], sealing: Bool
    ) throws(Fault) {
        var nonce = [UInt8](repeating: 0, count: 12)
        for index in 0..<8 { nonce[4 + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
        var count: Int32 = 0
        guard
            EVP_CipherInit_ex2(
                context, AESMethod.shared.method, key, nonce, sealing ? 1 : 0, nil) == 1,
            EVP_CipherUpdate(context, nil, &count, associated, Int32(associated.count)) == 1
        else { throw fault("prepare to seal") }
    }

    private func fault(_ tried: String) -> Fault {
        OpenSSLErrors.drain().fault(.inner, "OpenSSL could not \(tried) a text")
    }
}

/// Looked up by name once.
private struct AESMethod: @unchecked Sendable {
    static let shared = AESMethod()
    let method: OpaquePointer

    private init() {
        guard let method = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil) else {
            fatalError("this OpenSSL has no AES-256-GCM; install OpenSSL 3's default provider")
        }
        self.method = method
    }
}
