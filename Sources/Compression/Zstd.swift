internal import CZstd
public import Ground

/// Zstandard, one block of bytes at a time.
public enum Zstd {
    /// What is asked of the compressor. zstd's own default: results of cameras shrink five-fold at
    /// 200 MB/s and more on one core; higher levels cost tenfold for a twentieth.
    private static let level: Int32 = 3

    /// The bytes as one zstd frame, which states their length.
    public static func compressed(_ bytes: Bytes) throws(Fault) -> Bytes {
        let slab = Slab(capacity: ZSTD_compressBound(bytes.count))
        let count = bytes.withUnsafeBytes { plain in
            ZSTD_compress(slab.base, slab.capacity, plain.baseAddress, plain.count, level)
        }
        guard ZSTD_isError(count) == 0 else {
            throw Fault(.inner, "compressing \(bytes.count) bytes failed: \(words(count))")
        }
        return Bytes(slab: slab, start: 0, count: count)
    }

    /// What `bytes`, which a peer sent, was before it was compressed: `size` bytes exactly. No more
    /// memory is taken than that, whatever the frame says of itself.
    ///
    /// - Throws: `exhausted` when `size` is more than `limit`; `corrupt` when the bytes are no
    ///   zstd, are damaged, or are not `size` bytes long.
    public static func expanded(
        _ bytes: Bytes, size: Int, limit: Int
    ) throws(Fault) -> Bytes {
        guard size >= 0, size <= limit else {
            throw Fault(
                .exhausted, "a block of \(size) bytes, at most \(limit) are accepted",
                source: .peer)
        }
        let slab = Slab(capacity: size)
        let count = bytes.withUnsafeBytes { packed in
            ZSTD_decompress(slab.base, size, packed.baseAddress, packed.count)
        }
        guard ZSTD_isError(count) == 0, count == size else {
            let found = ZSTD_isError(count) == 0 ? "\(count) bytes came" : words(count)
            throw Fault(
                .corrupt, "a zstd block should have \(size) bytes: \(found)", source: .peer,
                retry: .after(.seconds(1)))
        }
        return Bytes(slab: slab, start: 0, count: size)
    }

    private static func words(_ code: Int) -> String { String(cString: ZSTD_getErrorName(code)) }
}
