public import Ground

/// Writes JSON in the order of the calls; commas come by themselves.
public struct JSONWriter: Sendable {
    private var text: [UInt8] = []
    private var needsComma = false

    public init() {}

    /// What was written, in a slab of its own.
    public var bytes: Bytes { Bytes(text) }

    /// Writes an object; `members` writes keys and values in turn.
    public mutating func object(_ members: (inout JSONWriter) -> Void) {
        nested(UInt8(ascii: "{"), UInt8(ascii: "}"), members)
    }

    /// Writes an array; `elements` writes its values.
    public mutating func array(_ elements: (inout JSONWriter) -> Void) {
        nested(UInt8(ascii: "["), UInt8(ascii: "]"), elements)
    }

    /// Writes a member's name; its value follows.
    public mutating func key(_ name: String) {
        string(name)
        text.append(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func string(_ value: String) {
        separate()
        var value = value
        value.withUTF8 { quote(UnsafeRawBufferPointer($0)) }
    }

    /// Writes a string of `utf8`, which must be UTF-8.
    mutating func string(utf8: UnsafeRawBufferPointer) {
        separate()
        quote(utf8)
    }

    public mutating func bool(_ value: Bool) { word(value ? "true" : "false") }
    public mutating func null() { word("null") }
    public mutating func integer(_ value: some BinaryInteger) { word(String(value)) }

    /// Writes the shortest text that reads back to the same number; JSON has no word for the
    /// infinite and for what is no number, so these are `null`.
    public mutating func number<T: BinaryFloatingPoint & CustomStringConvertible>(_ value: T) {
        word(value.isFinite ? value.description : "null")
    }

    public mutating func strings(_ values: [String]) {
        array { for value in values { $0.string(value) } }
    }

    private mutating func nested(
        _ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) -> Void
    ) {
        separate()
        text.append(open)
        needsComma = false
        body(&self)
        text.append(close)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { text.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func word(_ word: String) {
        separate()
        text.append(contentsOf: word.utf8)
    }

    private mutating func quote(_ utf8: UnsafeRawBufferPointer) {
        text.append(UInt8(ascii: "\""))
        for unit in utf8 {
            switch unit {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(unit)
            case 0x0A: text.append(contentsOf: "\\n".utf8)
            case 0x0D: text.append(contentsOf: "\\r".utf8)
            case 0x09: text.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                text.append(contentsOf: "\\u00".utf8)
                text.append(digits[Int(unit >> 4)])
                text.append(digits[Int(unit & 15)])
            default: text.append(unit)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}
