internal import CZlib
internal import Ground

/// Decompresses one message or body within a bound.
enum Inflater {
    /// The coding that a header names.
    enum Coding { case identity, gzip, deflate, unknown }

    /// Grows by doubling from here; a compressed image seldom shrinks more than fourfold.
    private static let firstFactor = 4

    /// The bytes that `bytes` decompress to.
    ///
    /// - Throws: `exhausted` when they are more than `limit` or the budget has no room, `invalid` when `bytes` are
    ///   damaged or end early.
    static func inflate(
        _ bytes: Bytes, limit: Int, allocator: any SlabAllocator, retryHint: Interval
    ) throws(Fault) -> Bytes {
        var stream = z_stream()
        // 15 bits of window, + 32: gzip or zlib by their header.
        guard inflateInit2_(&stream, 47, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw Fault(.inner, "zlib could not start", retry: .never) }
        defer { inflateEnd(&stream) }
        let first = min(max(bytes.count * firstFactor, 1 << 10), limit)
        var slab = try reserve(
            first, limit: limit, allocator: allocator, retryHint: retryHint, what: "message")
        var count = 0
        stream.next_in = UnsafeMutablePointer(
            mutating: (bytes.slab.base + bytes.start).assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(clamping: bytes.count)
        while true {
            let room = min(slab.capacity, limit) - count
            stream.next_out = (slab.base + count).assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(clamping: room)
            let verdict = CZlib.inflate(&stream, Z_NO_FLUSH)
            count += room - Int(stream.avail_out)
            if verdict == Z_STREAM_END { return Bytes(slab: slab, start: 0, count: count) }
            guard verdict == Z_OK || verdict == Z_BUF_ERROR, stream.avail_out == 0 else {
                throw Fault(
                    .invalid, "compressed bytes are damaged or end early", source: .client,
                    remedy: "send whole gzip or deflate data")
            }
            // One byte past the limit makes the refusal name it.
            let larger = try reserve(
                count >= limit ? limit + 1 : min(2 * slab.capacity, limit), limit: limit,
                allocator: allocator, retryHint: retryHint, what: "decompressed message")
            larger.base.copyMemory(from: slab.base, byteCount: count)
            slab = larger
        }
    }
}
