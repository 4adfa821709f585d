internal import Ground

/// A JSON value. Numbers are 64-bit floats, as everywhere in JSON's neighbourhood.
enum JSONValue: Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    /// Members in their order; no name comes twice.
    case object([(name: String, value: JSONValue)])

    static func == (a: JSONValue, b: JSONValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let x), .bool(let y)): x == y
        case (.number(let x), .number(let y)): x == y
        case (.string(let x), .string(let y)): x == y
        case (.array(let x), .array(let y)): x == y
        case (.object(let x), .object(let y)): x.elementsEqual(y) { $0 == $1 }
        default: false
        }
    }

    /// What it is, for a fault's text.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let value): "the number \(value)"
        case .string(let value): "\"\(value.prefix(40))\""
        case .array(let values): "an array of \(values.count)"
        case .object: "an object"
        }
    }
}

/// Parses RFC 8259, nothing more: no comments, no trailing commas, no name twice, nothing after the value.
struct JSONParser {
    /// A bundle's files nest three deep; the bound keeps hostile nesting off the stack.
    private static let depthLimit = 16

    private let file: String
    private let text: [UInt8]
    private var position = 0

    /// - Parameter file: the name that faults give.
    static func parse(_ bytes: [UInt8], file: String) throws(Fault) -> JSONValue {
        var parser = JSONParser(file: file, text: bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.fault("the end of the file") }
        return value
    }

    private init(file: String, text: [UInt8]) {
        self.file = file
        self.text = text
    }

    private func fault(_ expected: String) -> Fault {
        let found = position < text.count ? "byte 0x\(String(text[position], radix: 16))" : "its end"
        return Fault(
            .corrupt, "\(file), offset \(position): \(found) where \(expected) was expected",
            remedy: "mend the file and pack the bundle again")
    }

    private mutating func skipSpace() {
        while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
    }

    private mutating func take(_ unit: Unicode.Scalar) -> Bool {
        guard position < text.count, text[position] == UInt8(ascii: unit) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(Fault) -> JSONValue {
        guard depth < Self.depthLimit else { throw fault("less than \(Self.depthLimit) levels") }
        skipSpace()
        guard position < text.count else { throw fault("a value") }
        switch text[position] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(Fault) -> JSONValue {
        guard text[position...].starts(with: word.utf8) else { throw fault("a value") }
        position += word.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(Fault) -> JSONValue {
        position += 1
        var members: [(name: String, value: JSONValue)] = []
        var names: Set<String> = []
        skipSpace()
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            guard position < text.count, text[position] == UInt8(ascii: "\"") else {
                throw fault("a member's name")
            }
            let name = try string()
            guard names.insert(name).inserted else { throw fault("\"\(name)\" only once") }
            skipSpace()
            guard take(":") else { throw fault("a colon") }
            members.append((name, try value(depth: depth + 1)))
            skipSpace()
        } while take(",")
        guard take("}") else { throw fault("a comma or }") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(Fault) -> JSONValue {
        position += 1
        var values: [JSONValue] = []
        skipSpace()
        if take("]") { return .array([]) }
        repeat {
            values.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw fault("a comma or ]") }
        return .array(values)
    }

    private mutating func number() throws(Fault) -> Double {
        let start = position
        _ = take("-")
        let zero = take("0")
        if !zero { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        guard let value = Double(String(decoding: text[start..<position], as: UTF8.self)),
            value.isFinite
        else { throw fault("a finite number before it") }
        return value
    }

    private mutating func digits() throws(Fault) {
        let start = position
        while position < text.count, (0x30...0x39).contains(text[position]) { position += 1 }
        if position == start { throw fault("a digit") }
    }

    private mutating func string() throws(Fault) -> String {
        position += 1
        var units: [UInt8] = []
        while position < text.count {
            let unit = text[position]
            if take("\"") {
                guard let string = String(validating: units, as: UTF8.self) else {
                    throw fault("UTF-8 before it")
                }
                return string
            }
            if take("\\") {
                units.append(contentsOf: String(try escape()).utf8)
                continue
            }
            guard unit >= 0x20 else { throw fault("no control character in a string") }
            units.append(unit)
            position += 1
        }
        throw fault("a closing quote")
    }

    private mutating func escape() throws(Fault) -> Character {
        guard position < text.count else { throw fault("an escape") }
        position += 1
        switch text[position - 1] {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try codePoint()
        default:
            position -= 1
            throw fault("an escape")
        }
    }

    private mutating func codePoint() throws(Fault) -> Character {
        var code = try hexadecimal()
        if (0xD800..<0xDC00).contains(code) {
            guard take("\\"), take("u") else { throw fault("the pair's second half") }
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low) else { throw fault("a low surrogate before it") }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fault("a character before it") }
        return Character(scalar)
    }

    private mutating func hexadecimal() throws(Fault) -> UInt32 {
        guard position + 4 <= text.count else { throw fault("four hexadecimal digits") }
        let digits = text[position..<position + 4]
        guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw fault("four hexadecimal digits") }
        position += 4
        return code
    }
}
