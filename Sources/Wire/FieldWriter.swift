/// Writes protobuf fields into memory whose size was reckoned before. Field numbers are 1 to 15,
/// whose tags take one byte. Going past the end is a mistake in the reckoning, and traps.
struct FieldWriter {
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    /// Bytes written.
    private(set) var count = 0

    /// Writes from `start` on.
    init(_ base: UnsafeMutableRawPointer, capacity: Int, from start: Int = 0) {
        precondition(start >= 0)
        self.base = base
        self.capacity = capacity
        count = start
    }

    /// A string, where it is not empty.
    mutating func text(_ field: Int, _ text: String) {
        let length = text.utf8.count
        if length == 0 { return }
        open(field, length)
        bytes(of: text)
    }

    /// A number, zero or not.
    mutating func number(_ field: Int, _ value: UInt64) {
        byte(UInt8(field << 3))
        varint(value)
    }

    mutating func double(_ field: Int, _ value: Double) {
        byte(UInt8(field << 3 | 1))
        precondition(count + 8 <= capacity)
        base.storeBytes(
            of: value.bitPattern.littleEndian, toByteOffset: count, as: UInt64.self)
        count += 8
    }

    /// A field that holds what `body` writes. Its length is put before it afterwards: reckoning it
    /// first would walk the same values once more.
    mutating func nested(_ field: Int, _ body: (inout FieldWriter) -> Void) {
        byte(UInt8(field << 3 | 2))
        let start = count
        // Most are shorter than 128 bytes, and then one byte says so.
        byte(0)
        body(&self)
        let length = count - start - 1
        if length >= 0x80 {
            let more = varintLength(length) - 1
            precondition(count + more <= capacity)
            (base + start + 1 + more).copyMemory(from: base + start + 1, byteCount: length)
        }
        count = start
        varint(UInt64(length))
        count += length
    }

    /// The tag and length of a field whose `length` bytes are to follow.
    mutating func open(_ field: Int, _ length: Int) {
        byte(UInt8(field << 3 | 2))
        varint(UInt64(length))
    }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(truncatingIfNeeded: rest))
    }

    mutating func bytes(of text: String) {
        let written: Void? = text.utf8.withContiguousStorageIfAvailable {
            bytes(UnsafeRawBufferPointer($0))
        }
        if written != nil { return }
        var text = text
        text.withUTF8 { bytes(UnsafeRawBufferPointer($0)) }
    }

    mutating func bytes(_ bytes: UnsafeRawBufferPointer) {
        guard let from = bytes.baseAddress else { return }
        precondition(count + bytes.count <= capacity)
        (base + count).copyMemory(from: from, byteCount: bytes.count)
        count += bytes.count
    }

    private mutating func byte(_ value: UInt8) {
        precondition(count < capacity)
        base.storeBytes(of: value, toByteOffset: count, as: UInt8.self)
        count += 1
    }
}

/// Bytes that fields with one-byte tags take.
enum FieldSize {
    /// Tag, length and `length` bytes, exactly.
    static func block(_ length: Int) -> Int { 1 + varintLength(length) + length }

    // The rest says what is taken at most.

    /// Sixty-four bits, seven at a time.
    static let mostVarint = 10
    /// Tag and length: no message of ours reaches 2³⁵ bytes.
    static let mostOpening = 6
    /// `UINT16` and the like.
    static let longestDatatype = 6

    static func most(_ text: borrowing String) -> Int { mostOpening + text.utf8.count }
}
