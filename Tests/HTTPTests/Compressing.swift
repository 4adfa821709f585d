import CZlib

/// What a client that compresses would send: 31 window bits for gzip, 15 for zlib's own format.
func compressed(_ plain: [UInt8], windowBits: Int32) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
        &stream, 6, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var plain = plain
    var out = [UInt8](repeating: 0, count: plain.count + 1_024)
    return plain.withUnsafeMutableBufferPointer { from in
        out.withUnsafeMutableBufferPointer { to in
            stream.next_in = from.baseAddress
            stream.avail_in = UInt32(from.count)
            stream.next_out = to.baseAddress
            stream.avail_out = UInt32(to.count)
            deflate(&stream, Z_FINISH)
            return Array(to.prefix(Int(stream.total_out)))
        }
    }
}
