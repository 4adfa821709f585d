internal import Ground

/// Walks the top-level fields of a protobuf message without unpacking them, and says what is wrong.
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

    private var walk: FieldWalk
    private let what: StaticString
    private let source: Fault.Source

    init(_ bytes: UnsafeRawBufferPointer, _ what: StaticString, from source: Fault.Source) {
        walk = FieldWalk(bytes)
        self.what = what
        self.source = source
    }

    /// The next field, or `nil` at the end of the message.
    mutating func next() throws(Fault) -> Field? {
        if let field = walk.next() { return field }
        guard let offset = walk.brokenAt else { return nil }
        throw refusal(
            source,
            "\(walk.count) bytes are no \(what): the field at byte \(offset) is broken",
            remedy: "check that the whole message was sent")
    }
}

/// Walks the fields of a protobuf message; what is broken ends the walk.
struct FieldWalk {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    /// Offset of the field that is broken, or `nil`.
    private(set) var brokenAt: Int?

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var count: Int { bytes.count }

    /// Whether nothing broken was met so far.
    var isWhole: Bool { brokenAt == nil }

    /// The next field, or `nil` at the end and at what is broken.
    mutating func next() -> FieldScanner.Field? {
        guard offset < bytes.count, brokenAt == nil else { return nil }
        let start = offset
        guard let tag = varint() else { return broken(at: start) }
        let number = Int(truncatingIfNeeded: tag >> 3)
        guard tag <= UInt64(UInt32.max), number > 0 else { return broken(at: start) }
        var payload = offset
        let length: UInt64
        switch tag & 7 {
        case 0:
            guard varint() != nil else { return broken(at: start) }
            return FieldScanner.Field(
                number: number, wireType: 0, start: start, payload: payload, end: offset)
        case 1: length = 8
        case 2:
            guard let stated = varint() else { return broken(at: start) }
            length = stated
            payload = offset
        case 5: length = 4
        default: return broken(at: start)
        }
        guard length <= UInt64(bytes.count - offset) else { return broken(at: start) }
        offset += Int(length)
        return FieldScanner.Field(
            number: number, wireType: Int(tag & 7), start: start, payload: payload, end: offset)
    }

    /// The bytes of a field that the walk has given.
    func payload(of field: FieldScanner.Field) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[field.payload..<field.end])
    }

    /// The number of a varint field that the walk has given.
    func number(of field: FieldScanner.Field) -> UInt64 {
        var walk = FieldWalk(payload(of: field))
        return walk.varint() ?? 0
    }

    /// The next number of a run of them, or `nil` at its end and at what is broken.
    mutating func varint() -> UInt64? {
        guard offset < bytes.count else { return nil }
        var value: UInt64 = 0
        let start = offset
        // 64 bits take at most ten groups of seven.
        for group in 0..<10 {
            guard offset < bytes.count else { break }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << UInt64(7 * group)
            if byte < 0x80 { return value }
        }
        brokenAt = start
        return nil
    }

    private mutating func broken(at offset: Int) -> FieldScanner.Field? {
        brokenAt = offset
        return nil
    }
}

/// Bytes that `value` takes as a varint: 1 to 10.
func varintLength(_ value: Int) -> Int {
    value == 0 ? 1 : (70 - UInt64(bitPattern: Int64(value)).leadingZeroBitCount) / 7
}
