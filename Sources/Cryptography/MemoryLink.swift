import COpenSSL
import Ground

/// The two ends of a session's ciphertext: OpenSSL reads the caller's bytes in place and writes
/// into slabs that leave without another copy.
final class MemoryLink {
    /// What `receive` was given and OpenSSL has not read yet; set during that call only.
    var input = UnsafeRawBufferPointer(start: nil, count: 0)
    private var output: Slab?
    private var filled = 0

    /// First size of an output slab: a handshake's answer with its certificates fits.
    private static let firstCapacity = 4 << 10
    /// Bytes that a record adds to its plaintext: header 5, type 1, tag 16, and slack for an alert.
    private static let recordOverhead = 32
    /// Largest plaintext of one record, RFC 8446 §5.1.
    static let recordLimit = 16 << 10

    /// Makes room for `count` bytes of plaintext, so that sending grows a slab once.
    func reserve(plaintext count: Int) {
        let records = count / Self.recordLimit + 1
        grow(by: count + records * Self.recordOverhead, atLeast: 0)
    }

    /// All that waits for the socket, or `nil`.
    func take() -> Bytes? {
        guard let slab = output, filled > 0 else { return nil }
        defer {
            output = nil
            filled = 0
        }
        return Bytes(slab: slab, start: 0, count: filled)
    }

    fileprivate func write(_ bytes: UnsafeRawPointer, _ count: Int) {
        grow(by: count, atLeast: Self.firstCapacity)
        guard let slab = output else { return }
        (slab.base + filled).copyMemory(from: bytes, byteCount: count)
        filled += count
    }

    fileprivate func read(into buffer: UnsafeMutableRawPointer, _ limit: Int) -> Int {
        let count = min(limit, input.count)
        guard count > 0, let base = input.baseAddress else { return 0 }
        buffer.copyMemory(from: base, byteCount: count)
        input = UnsafeRawBufferPointer(rebasing: input[count...])
        return count
    }

    private func grow(by count: Int, atLeast floor: Int) {
        guard let old = output else {
            output = Slab(capacity: max(count, floor))
            return
        }
        let needed = filled + count
        guard needed > old.capacity else { return }
        let new = Slab(capacity: max(needed, old.capacity * 2))
        new.base.copyMemory(from: old.base, byteCount: filled)
        output = new
    }

    /// A BIO on this link; whoever owns the BIO must not outlive the link.
    func makeBIO() -> OpaquePointer? {
        guard let method = LinkMethod.shared.method, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }
}

/// OpenSSL's table of functions for a BIO on a `MemoryLink`, made once.
private struct LinkMethod: @unchecked Sendable {
    static let shared = LinkMethod()
    let method: OpaquePointer?

    private init() {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "canopy")
        BIO_meth_set_write_ex(method) { bio, bytes, count, written in
            guard let link = LinkMethod.link(bio), let bytes else { return 0 }
            link.write(bytes, count)
            written?.pointee = count
            return 1
        }
        BIO_meth_set_read_ex(method) { bio, buffer, limit, done in
            guard let link = LinkMethod.link(bio), let buffer else { return 0 }
            canopy_bio_clear_retry(bio)
            let count = link.read(into: buffer, limit)
            done?.pointee = count
            if count == 0 { canopy_bio_set_retry_read(bio) }
            return count > 0 ? 1 : 0
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    }

    private static func link(_ bio: OpaquePointer?) -> MemoryLink? {
        guard let data = BIO_get_data(bio) else { return nil }
        return Unmanaged<MemoryLink>.fromOpaque(data).takeUnretainedValue()
    }
}
