import CChecksum

/// CRC32C: finds every burst of up to 32 wrong bits, and others but for one in four thousand
/// million.
enum Checksum {
    static func crc32c(_ bytes: UnsafeRawBufferPointer, after crc: UInt32 = 0) -> UInt32 {
        canopy_crc32c(crc, bytes.baseAddress, bytes.count)
    }

    /// The same without the processor's help.
    static func portable(_ bytes: UnsafeRawBufferPointer, after crc: UInt32 = 0) -> UInt32 {
        canopy_crc32c_portable(crc, bytes.baseAddress, bytes.count)
    }
}

extension UnsafeRawBufferPointer {
    /// The little-endian number at `offset`.
    func number<Number: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as: Number.Type = Number.self
    ) -> Number {
        Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    /// The bytes `range`.
    func part(_ start: Int, _ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[start..<start + count])
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Writes a little-endian number at `offset`.
    func put<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, at offset: Int) {
        storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
    }

    /// Writes `bytes` at `offset`.
    func put(_ bytes: [UInt8], at offset: Int) {
        for (index, byte) in bytes.enumerated() { self[offset + index] = byte }
    }
}
