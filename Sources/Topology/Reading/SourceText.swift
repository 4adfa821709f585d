/// A file's text, after what the YAML library must not meet was refused.
struct SourceText {
    let name: String
    let text: String

    /// Checks size, encoding and characters; reports and gives `nil` when one is wrong.
    init?(_ bytes: [UInt8], name: String, _ report: Report) {
        self.name = name
        func refuse(_ line: Int, _ column: Int, _ problem: String, _ remedy: String) {
            report.add(Place(file: name, line: line, column: column), problem, remedy)
        }
        guard bytes.count <= Bounds.fileBytes else {
            refuse(
                1, 1, "the file has \(bytes.count) bytes, more than \(Bounds.fileBytes)",
                "split it into several files of one folder")
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let good = String(decoding: bytes, as: UTF8.self).unicodeScalars
                .prefix { $0 != "\u{FFFD}" }
            let (line, column) = Self.position(after: good)
            refuse(line, column, "the file is not UTF-8 here", "save it as UTF-8")
            return nil
        }
        // The YAML library takes a byte order mark for text when it is told the encoding.
        let hasMark = text.unicodeScalars.first == "\u{FEFF}"
        let scalars = hasMark ? text.unicodeScalars.dropFirst() : text.unicodeScalars[...]
        if let bad = scalars.firstIndex(where: { !Self.isAllowed($0) }) {
            let (line, column) = Self.position(after: scalars[..<bad])
            let code = String(scalars[bad].value, radix: 16, uppercase: true)
            let padding = String(repeating: "0", count: max(0, 4 - code.count))
            refuse(
                line, column, "the character U+\(padding)\(code) is not allowed here", "remove it")
            return nil
        }
        if let (line, column) = Self.tooManyAliases(in: bytes) {
            refuse(
                line, column, "more than \(Bounds.aliases) asterisks look like aliases",
                "write the values out; aliases (*name) are not used here")
            return nil
        }
        self.text = hasMark ? String(Substring(scalars)) : text
    }

    /// The characters that YAML 1.1 calls printable, less the byte order mark.
    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xD7FF: true
        case 0xE000...0xFFFD: scalar.value != 0xFEFF
        case 0x10000...0x10FFFF: true
        default: false
        }
    }

    /// Line and column, from 1, of what follows `scalars`.
    private static func position(after scalars: some Sequence<Unicode.Scalar>) -> (Int, Int) {
        var (line, column, afterReturn) = (1, 1, false)
        for scalar in scalars {
            let isBreak = LineBreak.isBreak(scalar)
            if scalar == "\n" && afterReturn {
                // CR LF is one break, counted at the CR.
            } else if isBreak {
                (line, column) = (line + 1, 1)
            } else {
                column += 1
            }
            afterReturn = scalar == "\r"
        }
        return (line, column)
    }

    /// The place of the first asterisk past the bound that may begin an alias; it counts rather
    /// too many than too few, since it also looks into comments and quotes.
    private static func tooManyAliases(in bytes: [UInt8]) -> (Int, Int)? {
        func isWord(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        var count = 0
        for index in bytes.indices.dropLast()
        where bytes[index] == UInt8(ascii: "*") && isWord(bytes[index + 1]) {
            count += 1
            if count > Bounds.aliases {
                return position(
                    after: String(decoding: bytes[..<index], as: UTF8.self).unicodeScalars)
            }
        }
        return nil
    }
}

/// What the YAML library counts as the end of a line.
enum LineBreak {
    static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0A, 0x0D, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}
