/// A JSON value that keeps whole numbers exact.
public enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits 64 bits.
    case integer(Int)
    /// Any other number; finite.
    case real(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// Parses RFC 8259 and nothing more: UTF-8, no name twice, nothing after the value, at most
    /// `JSONReader.depthLimit` levels. `place` is what a fault calls the text, such as a file's
    /// name.
    public init(parsing bytes: [UInt8], place: String) throws(Fault) {
        self = try JSONReader.read(bytes, place: place)
    }

    /// Canonical bytes: names sorted by code point, no spaces, no trailing newline; only `"`, `\`
    /// and control characters are escaped. The same value gives the same bytes on every machine.
    public var canonical: [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return bytes
    }

    /// What it is, for a fault's text.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "the number \(value)"
        case .real(let value): "the number \(value)"
        case .string(let value): "“\(value.prefix(60))”"
        case .array(let values): "an array of \(values.count)"
        case .object: "an object"
        }
    }

    private func write(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += Array("null".utf8)
        case .bool(let value): bytes += Array("\(value)".utf8)
        case .integer(let value): bytes += Array("\(value)".utf8)
        case .real(let value): bytes += Array("\(value)".utf8)
        case .string(let value): Self.write(value, into: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            // UTF-8 sorts as code points do; Swift's own order of strings is another.
            let names = members.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            for (index, name) in names.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(name, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                members[name]?.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for unit in text.utf8 {
            switch unit {
            case UInt8(ascii: "\""): bytes += Array("\\\"".utf8)
            case UInt8(ascii: "\\"): bytes += Array("\\\\".utf8)
            case 0x08: bytes += Array("\\b".utf8)
            case 0x09: bytes += Array("\\t".utf8)
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x0C: bytes += Array("\\f".utf8)
            case 0x0D: bytes += Array("\\r".utf8)
            case ..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes += Array("\\u00".utf8) + [digits[Int(unit >> 4)], digits[Int(unit & 15)]]
            default: bytes.append(unit)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
