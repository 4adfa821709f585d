import COpenSSL
public import Ground

/// Random bytes for keys, nonces and serial numbers. Decisions take `Ground.Randomness` instead.
public enum SecureRandom {
    /// `count` bytes from OpenSSL's generator, which the kernel seeds.
    public static func bytes(_ count: Int) throws(Fault) -> [UInt8] {
        guard let length = Int32(exactly: count), length >= 0 else {
            throw Fault(
                .invalid, "\(count) random bytes were asked for, from 0 to 2³¹ − 1 are possible")
        }
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, length) == 1 else {
            throw OpenSSLErrors.drain().fault(.inner, "no random bytes could be made")
        }
        return bytes
    }
}

extension SecureRandom {
    /// One unguessable number. A machine without randomness can keep no secret, so it ends here.
    public static func word() -> UInt64 {
        do throws(Fault) {
            return try bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
        } catch {
            fatalError("\(error)")
        }
    }
}
