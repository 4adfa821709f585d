internal import Ground

/// Walks the top-level fields of a protobuf message without unpacking them.
struct FieldScanner {
    /// One field where it lies.
    struct Field {
        /// 1 to 2²⁹ − 1.
        var number: Int
        /// 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
        var wireType: Int
        /// Offset of the tag's first byte.
        var start: Int
        /// Offset of the first byte after tag and length.
        var payload: Int
        /// Offset after the last byte.
        var end: Int
    }

    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    private let what: StaticString
    private let source: Fault.Source

    init(_ bytes: UnsafeRawBufferPointer, _ what: StaticString, from source: Fault.Source) {
        self.bytes = bytes
        self.what = what
        self.source = source
    }

    /// The next field, or `nil` at the end of the message.
    mutating func next() throws(Fault) -> Field? {
        guard offset < bytes.count else { return nil }
        let start = offset
        let tag = try varint()
        let number = Int(truncatingIfNeeded: tag >> 3)
        guard tag <= UInt64(UInt32.max), number > 0 else { throw broken(at: start) }
        var payload = offset
        let length: UInt64
        switch tag & 7 {
        case 0:
            _ = try varint()
            return Field(number: number, wireType: 0, start: start, payload: payload, end: offset)
        case 1: length = 8
        case 2:
            length = try varint()
            payload = offset
        case 5: length = 4
        default: throw broken(at: start)
        }
        guard length <= UInt64(bytes.count - offset) else { throw broken(at: start) }
        offset += Int(length)
        return Field(
            number: number, wireType: Int(tag & 7), start: start, payload: payload, end: offset)
    }

    private mutating func varint() throws(Fault) -> UInt64 {
        var value: UInt64 = 0
        let start = offset
        // 64 bits take at most ten groups of seven.
        for group in 0..<10 {
            guard offset < bytes.count else { throw broken(at: start) }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << UInt64(7 * group)
            if byte < 0x80 { return value }
        }
        throw broken(at: start)
    }

    private func broken(at offset: Int) -> Fault {
        refusal(
            source, "\(bytes.count) bytes are no \(what): the field at byte \(offset) is broken",
            remedy: "check that the whole message was sent")
    }
}

/// Bytes that `value` takes as a varint: 1 to 10.
func varintLength(_ value: Int) -> Int {
    value == 0 ? 1 : (70 - UInt64(value).leadingZeroBitCount) / 7
}

/// Writes `value` as a varint at `target` and returns the bytes it took.
@discardableResult
func writeVarint(_ value: Int, to target: UnsafeMutableRawPointer) -> Int {
    var rest = UInt64(value)
    var count = 0
    while rest >= 0x80 {
        target.storeBytes(
            of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
        rest >>= 7
        count += 1
    }
    target.storeBytes(of: UInt8(rest), toByteOffset: count, as: UInt8.self)
    return count + 1
}
