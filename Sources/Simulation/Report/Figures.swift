import Ground

/// Numbers as people read them.
enum Figures {
    /// With one digit behind the point.
    static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }

    static func percent(_ part: Int, of whole: Int) -> String {
        whole == 0 ? "–" : percent(Double(part) / Double(whole))
    }

    /// With one digit, or as many as it takes to tell that it is not nothing.
    static func percent(_ share: Double) -> String {
        let hundredths = (share * 10_000).rounded()
        if share > 0, hundredths < 1 { return "< 0.01 %" }
        if hundredths.truncatingRemainder(dividingBy: 10) == 0 || share >= 0.1 {
            return tenths(share * 100) + " %"
        }
        let rest = Int(hundredths) % 100
        return "\(Int(hundredths) / 100).\(rest < 10 ? "0" : "")\(rest) %"
    }

    static func milliseconds(_ nanoseconds: UInt64?) -> String {
        guard let nanoseconds else { return "–" }
        return tenths(Double(nanoseconds) / 1e6) + " ms"
    }

    static func bytes(_ bytes: UInt64) -> String {
        let units: [(UInt64, String)] = [
            (1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"),
        ]
        for (size, name) in units where bytes >= size {
            return "\(tenths(Double(bytes) / Double(size))) \(name)"
        }
        return "\(bytes) B"
    }

    /// With spaces between thousands.
    static func count(_ number: Int) -> String {
        var digits = Array(String(number))
        var place = digits.count - 3
        while place > 0 {
            digits.insert(" ", at: place)
            place -= 3
        }
        return String(digits)
    }

    /// A length of time in its natural unit, such as `1 h 30 min`.
    static func time(_ interval: Interval) -> String {
        let seconds = interval.nanoseconds / 1_000_000_000
        let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")]
        let words = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        if words.isEmpty { return "\(interval.nanoseconds / 1_000_000) ms" }
        return words.joined(separator: " ")
    }
}
