import Ground

/// Reads quantities as people write them. Each returns `nil` for what it cannot read.
enum Units {
    /// `100ms`, `1.5s`, `250us`; `0` needs no unit.
    static func interval(_ text: String) -> Interval? {
        guard let (number, unit) = split(text) else { return nil }
        let scale: Double
        switch unit {
        case "us": scale = 1e3
        case "ms": scale = 1e6
        case "s": scale = 1e9
        case "" where number == 0: scale = 1
        default: return nil
        }
        // An hour: a longer delay is a mistake.
        guard number * scale <= 3_600e9 else { return nil }
        return Interval(nanoseconds: Int64(number * scale))
    }

    /// `1%` or `0.01`, from 0 to 1.
    static func share(_ text: String) -> Double? {
        guard let (number, unit) = split(text) else { return nil }
        let share: Double
        switch unit {
        case "%": share = number / 100
        case "": share = number
        default: return nil
        }
        return share <= 1 ? share : nil
    }

    /// `2Mbit/s`, `500kbit/s`, `1MB/s`, in bytes a second.
    static func bandwidth(_ text: String) -> Int? {
        guard let (number, unit) = split(text) else { return nil }
        let scales = [
            "bit/s": 0.125, "kbit/s": 125, "Mbit/s": 125e3, "Gbit/s": 125e6, "B/s": 1, "kB/s": 1e3,
            "MB/s": 1e6,
        ]
        guard let scale = scales[unit], number * scale >= 1, number * scale <= 1e11 else {
            return nil
        }
        return Int(number * scale)
    }

    private static func split(_ text: String) -> (number: Double, unit: String)? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits), number.isFinite else { return nil }
        return (number, String(text.dropFirst(digits.count)))
    }
}
