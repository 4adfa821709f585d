/// Reads one JSON text; see `JSON.init(parsing:place:)`.
struct JSONReader {
    /// Levels of nesting: our files have four; the bound keeps hostile nesting off the stack.
    static let depthLimit = 32

    private let place: String
    private let text: [UInt8]
    private var position = 0

    static func read(_ bytes: [UInt8], place: String) throws(Fault) -> JSON {
        var reader = JSONReader(place: place, text: bytes)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.fault("the end") }
        return value
    }

    private init(place: String, text: [UInt8]) {
        self.place = place
        self.text = text
    }

    private func fault(_ expected: String) -> Fault {
        let line = text[..<min(position, text.count)].count { $0 == 0x0A } + 1
        let found =
            position < text.count
            ? (0x21...0x7E).contains(text[position])
                ? "“\(Character(Unicode.Scalar(text[position])))”"
                : "byte 0x\(String(text[position], radix: 16))" : "the end"
        return Fault(
            .invalid,
            "\(place), line \(line), byte \(position): \(found) stands where \(expected) was "
                + "expected",
            remedy: "mend the JSON there")
    }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skipSpace() {
        while let unit = next, unit == 0x20 || unit == 0x0A || unit == 0x0D || unit == 0x09 {
            position += 1
        }
    }

    private mutating func take(_ unit: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: unit) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(Fault) -> JSON {
        guard depth < Self.depthLimit else { throw fault("at most \(Self.depthLimit) levels") }
        skipSpace()
        guard let unit = next else { throw fault("a value") }
        switch unit {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw fault("a value")
        }
    }

    private mutating func word(_ word: String, _ value: JSON) throws(Fault) -> JSON {
        guard text[position...].starts(with: word.utf8) else { throw fault("“\(word)”") }
        position += word.utf8.count
        return value
    }

    private mutating func object(_ depth: Int) throws(Fault) -> JSON {
        position += 1
        var members: [String: JSON] = [:]
        skipSpace()
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw fault("a name in quotes") }
            let name = try string()
            guard members[name] == nil else { throw fault("“\(name)” once") }
            skipSpace()
            guard take(":") else { throw fault("a colon") }
            members[name] = try value(depth: depth + 1)
            skipSpace()
        } while take(",")
        guard take("}") else { throw fault("a comma or “}”") }
        return .object(members)
    }

    private mutating func array(_ depth: Int) throws(Fault) -> JSON {
        position += 1
        var values: [JSON] = []
        skipSpace()
        if take("]") { return .array(values) }
        repeat {
            values.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw fault("a comma or “]”") }
        return .array(values)
    }

    private mutating func number() throws(Fault) -> JSON {
        let start = position
        var isWhole = true
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") {
            isWhole = false
            try digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        let spelling = String(decoding: text[start..<position], as: UTF8.self)
        if isWhole, let whole = Int(spelling) { return .integer(whole) }
        guard let real = Double(spelling), real.isFinite else {
            throw fault("a number below 1.8e308 before it")
        }
        return .real(real)
    }

    private mutating func digits() throws(Fault) {
        let start = position
        while let unit = next, (0x30...0x39).contains(unit) { position += 1 }
        if position == start { throw fault("a digit") }
    }

    private mutating func string() throws(Fault) -> String {
        position += 1
        var units: [UInt8] = []
        while let unit = next {
            position += 1
            switch unit {
            case UInt8(ascii: "\""):
                guard let string = String(validating: units, as: UTF8.self) else {
                    throw fault("UTF-8 before it")
                }
                return string
            case UInt8(ascii: "\\"): units += Array(String(try escape()).utf8)
            case ..<0x20:
                position -= 1
                throw fault("no bare control character in a string")
            default: units.append(unit)
            }
        }
        throw fault("a closing quote")
    }

    private mutating func escape() throws(Fault) -> Unicode.Scalar {
        let unit = next
        position += 1
        switch unit {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try scalar()
        default:
            position -= 1
            throw fault("an escape")
        }
    }

    private mutating func scalar() throws(Fault) -> Unicode.Scalar {
        var code = try hexadecimal()
        if (0xD800..<0xDC00).contains(code) {
            guard take("\\"), take("u") else { throw fault("the pair's second half") }
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low) else { throw fault("a low surrogate before it") }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fault("a character before it") }
        return scalar
    }

    private mutating func hexadecimal() throws(Fault) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let unit = next, let digit = Character(Unicode.Scalar(unit)).hexDigitValue else {
                throw fault("four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
