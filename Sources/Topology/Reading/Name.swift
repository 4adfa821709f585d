/// What nodes, sites, tasks and identities may be called: a DNS label that starts with a letter,
/// since names become parts of certificates, files, metrics and host names.
enum Name {
    static let remedy = "use 1 to 63 of a-z, 0-9 and -, a letter first"

    /// What is wrong with `text` as a name, or `nil`.
    static func problem(_ text: String) -> String? {
        let units = text.utf8
        guard let first = units.first else { return "it is empty" }
        guard units.count <= Bounds.name else { return "it has \(units.count) characters" }
        func isLetter(_ unit: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(unit)
        }
        guard isLetter(first) else { return "it does not start with a letter from a to z" }
        let bad = text.unicodeScalars.first { scalar in
            guard scalar.isASCII else { return true }
            let unit = UInt8(scalar.value)
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(unit)
            return !(isLetter(unit) || isDigit || unit == UInt8(ascii: "-"))
        }
        return bad.map { "it contains \(quoted(String($0)))" }
    }
}
