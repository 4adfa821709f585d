internal import Ground

/// Reads JSON (RFC 8259) from where it lies, one value after the other, without building a tree.
///
/// Strict: UTF-8 only, no trailing commas, no comments, no control characters in strings, at most
/// `WireLimits.jsonDepth` levels. Every fault names the byte.
struct JSONReader {
    /// What kind of value comes next.
    enum Kind { case object, array, string, number, bool, null }

    let bytes: UnsafeRawBufferPointer
    /// The next byte to read.
    var offset: Int
    private var depth = 0

    init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    /// The kind of the next value, which is not consumed.
    mutating func peek() throws(Fault) -> Kind {
        skipSpace()
        guard offset < bytes.count else { throw broken("a value") }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw broken("a value")
        }
    }

    /// Reads an object; `member` must consume each value.
    mutating func object(
        _ member: (inout JSONReader, String) throws(Fault) -> Void
    ) throws(Fault) {
        try open(UInt8(ascii: "{"), "an object")
        if take(UInt8(ascii: "}")) { return close() }
        repeat {
            let name = try string()
            guard take(UInt8(ascii: ":")) else { throw broken("':'") }
            try member(&self, name)
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw broken("',' or '}'") }
        close()
    }

    /// Reads an array; `element` must consume each value.
    mutating func array(_ element: (inout JSONReader) throws(Fault) -> Void) throws(Fault) {
        try open(UInt8(ascii: "["), "an array")
        if take(UInt8(ascii: "]")) { return close() }
        repeat { try element(&self) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw broken("',' or ']'") }
        close()
    }

    /// Reads an array of scalars, however it is nested.
    mutating func flattened(_ scalar: (inout JSONReader) throws(Fault) -> Void) throws(Fault) {
        try array { (reader) throws(Fault) in
            reader.skipSpace()
            if reader.offset < reader.bytes.count, reader.bytes[reader.offset] == UInt8(ascii: "[")
            {
                try reader.flattened(scalar)
            } else {
                try scalar(&reader)
            }
        }
    }

    /// Reads `true` or `false`.
    mutating func bool() throws(Fault) -> Bool {
        if literal("true") { return true }
        if literal("false") { return false }
        throw broken("true or false")
    }

    /// Reads and checks any value.
    mutating func skip() throws(Fault) {
        switch try peek() {
        case .object: try object { (reader, _) throws(Fault) in try reader.skip() }
        case .array: try array { (reader) throws(Fault) in try reader.skip() }
        case .string: _ = try string()
        case .number: _ = try number()
        case .bool: _ = try bool()
        case .null: guard literal("null") else { throw broken("null") }
        }
    }

    /// Throws unless nothing but white space is left.
    mutating func end() throws(Fault) {
        skipSpace()
        guard offset == bytes.count else { throw broken("the end") }
    }

    /// Reads `null` where it comes next.
    mutating func null() -> Bool { literal("null") }

    mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    /// A fault at the present byte.
    func broken(_ expected: String) -> Fault {
        let came: String
        if offset >= bytes.count {
            came = "the end"
        } else if (0x21...0x7E).contains(bytes[offset]) {
            came = "'\(Character(Unicode.Scalar(bytes[offset])))'"
        } else {
            came = "byte \(bytes[offset])"
        }
        return refusal(.client, "JSON: \(came) at byte \(offset), expected \(expected)")
    }

    private mutating func open(_ bracket: UInt8, _ what: String) throws(Fault) {
        guard take(bracket) else { throw broken(what) }
        depth += 1
        guard depth <= WireLimits.jsonDepth else {
            throw excess(.client, "JSON levels at byte \(offset)", depth, WireLimits.jsonDepth)
        }
    }

    private mutating func close() { depth -= 1 }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    private mutating func literal(_ word: StaticString) -> Bool {
        skipSpace()
        let count = word.utf8CodeUnitCount
        guard bytes.count - offset >= count else { return false }
        for index in 0..<count where bytes[offset + index] != word.utf8Start[index] { return false }
        offset += count
        return true
    }
}
