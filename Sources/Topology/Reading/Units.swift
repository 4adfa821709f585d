import Ground

/// Reads and prints quantities with their units. Pure; errors say what to write.
enum Units {
    /// Why a text is no quantity: the rest of a sentence that begins with it, and a remedy.
    struct Misfit: Error, Equatable {
        var problem: String
        var remedy: String
    }

    /// A unit's name and how many of the base unit it is.
    typealias Table = [(name: String, factor: Int)]

    static let bytes: Table = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("B", 1),
    ]
    static let nanoseconds: Table = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000),
        ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000), ("ns", 1),
    ]
    static let bitsPerSecond: Table = [
        ("Gbit/s", 1_000_000_000), ("Mbit/s", 1_000_000), ("kbit/s", 1000), ("bit/s", 1),
    ]
    static let bytesPerSecond: Table = bytes.map { ("\($0.name)/s", $0.factor) }
    static let pixels: Table = [("MP", 1_000_000)]

    /// Bytes such as `512MiB`, `10MB` or a plain `4096`.
    static func bytes(_ text: String) throws(Misfit) -> Int {
        try quantity(text, bytes, bare: true, of: "a size", example: "512MiB")
    }

    /// A length of time such as `500ms`; a number alone has no unit and is refused.
    static func interval(_ text: String) throws(Misfit) -> Interval {
        .nanoseconds(
            Int64(try quantity(text, nanoseconds, bare: false, of: "a duration", example: "500ms")))
    }

    /// Bits per second such as `2Mbit/s`.
    static func bandwidth(_ text: String) throws(Misfit) -> Int {
        try quantity(text, bitsPerSecond, bare: false, of: "a bandwidth", example: "2Mbit/s")
    }

    /// Bytes per second such as `16KiB/s`.
    static func byteRate(_ text: String) throws(Misfit) -> Int {
        try quantity(text, bytesPerSecond, bare: false, of: "a rate", example: "16KiB/s")
    }

    /// Pixels such as `40MP` or a plain number.
    static func pixels(_ text: String) throws(Misfit) -> Int {
        try quantity(text, pixels, bare: true, of: "a number of pixels", example: "40MP")
    }

    /// A share of one such as `8%`, `0.1%` or `0.08`; 0 to 1.
    static func share(_ text: String) throws(Misfit) -> Double {
        let percent = text.hasSuffix("%")
        let digits = percent ? text.dropLast() : text[...]
        guard isDecimal(digits), let number = Double(String(digits)) else {
            throw Misfit(problem: "is not a share", remedy: "write 8% or 0.08")
        }
        let share = percent ? number / 100 : number
        guard share <= 1 else {
            throw Misfit(
                problem: "is more than the whole",
                remedy: percent ? "write at most 100%" : "write \(digits)% or a number from 0 to 1")
        }
        return share
    }

    /// A whole percentage such as `20%`; a number alone could be meant as a share, and is refused.
    static func percent(_ text: String) throws(Misfit) -> Int {
        let example = "write a whole percentage such as 20%"
        guard text.hasSuffix("%") else {
            throw Misfit(problem: "is not a percentage", remedy: example)
        }
        do throws(Misfit) {
            return try count(String(text.dropLast()))
        } catch {
            throw Misfit(problem: "is not a whole percentage", remedy: example)
        }
    }

    /// A decimal number such as `-13.4`.
    static func decimal(_ text: String) throws(Misfit) -> Double {
        guard isDecimal(text.hasPrefix("-") ? text.dropFirst() : text[...]),
            let number = Double(text)
        else { throw Misfit(problem: "is not a number", remedy: "write a number such as 52.5") }
        return number
    }

    /// A whole number that is not negative.
    static func count(_ text: String) throws(Misfit) -> Int {
        guard !text.isEmpty, text.utf8.allSatisfy(isDigit) else {
            throw Misfit(problem: "is not a whole number", remedy: "write digits only, such as 64")
        }
        guard let number = Int(text) else {
            throw Misfit(problem: "is too large", remedy: "write a smaller number")
        }
        return number
    }

    /// A whole number and a unit of `table`.
    private static func quantity(
        _ text: String, _ table: Table, bare: Bool, of what: String, example: String
    ) throws(Misfit) -> Int {
        let digits = text.prefix { $0.utf8.count == 1 && isDigit($0.utf8.first!) }
        let unit = text[digits.endIndex...]
        let units = table.map(\.name).reversed().joined(separator: ", ")
        guard !digits.isEmpty else {
            throw Misfit(problem: "is not \(what)", remedy: "write a number and a unit: \(example)")
        }
        if unit.hasPrefix(".") || unit.hasPrefix(",") {
            throw Misfit(
                problem: "is not a whole number",
                remedy: "use a smaller unit instead of a fraction (\(units))")
        }
        if unit.isEmpty && !bare && Int(digits) != 0 {
            throw Misfit(problem: "has no unit", remedy: "write one of \(units): \(example)")
        }
        guard let factor = unit.isEmpty ? 1 : table.first(where: { $0.name == unit })?.factor else {
            throw Misfit(
                problem: "has the unknown unit \(quoted(unit))", remedy: "write one of \(units)")
        }
        guard let number = Int(digits),
            case (let product, false) = number.multipliedReportingOverflow(by: factor)
        else { throw Misfit(problem: "is too large", remedy: "write a smaller number") }
        return product
    }

    /// Prints `amount` with the largest unit that divides it.
    static func text(_ amount: Int, _ table: Table) -> String {
        guard amount != 0, let unit = table.first(where: { amount % $0.factor == 0 }) else {
            return "\(amount)"
        }
        return "\(amount / unit.factor)\(unit.name)"
    }

    /// Prints a share as a percentage.
    static func text(share: Double) -> String {
        let percent = (share * 1_000_000).rounded() / 10_000
        return percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// Digits with at most one point between or before them: no exponent, sign, `inf` or `nan`.
    private static func isDecimal(_ text: some StringProtocol) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return (1...2).contains(parts.count) && text.utf8.count <= 32
            && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(isDigit) }
    }
}
