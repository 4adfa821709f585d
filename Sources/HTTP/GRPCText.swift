internal import Ground

/// `grpc-timeout`: at most eight digits and a unit.
/// Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
enum GRPCTimeout {
    /// Reads a header's value; `nil` when it is malformed.
    static func parse(_ text: UnsafeRawBufferPointer) -> Interval? {
        guard text.count >= 2, text.count <= 9 else { return nil }
        var number: Int64 = 0
        for byte in text.dropLast() {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            number = number * 10 + Int64(byte - 0x30)
        }
        switch text[text.count - 1] {
        case UInt8(ascii: "H"): return .seconds(number * 3_600)
        case UInt8(ascii: "M"): return .seconds(number * 60)
        case UInt8(ascii: "S"): return .seconds(number)
        case UInt8(ascii: "m"): return .milliseconds(number)
        case UInt8(ascii: "u"): return .microseconds(number)
        case UInt8(ascii: "n"): return .nanoseconds(number)
        default: return nil
        }
    }

    /// Writes the finest unit that fits eight digits, rounded down: the callee must not have more time than we.
    static func format(_ interval: Interval) -> String {
        let units: [(Int64, String)] = [
            (1, "n"), (1_000, "u"), (1_000_000, "m"), (1_000_000_000, "S"),
            (60_000_000_000, "M"),
        ]
        let time = max(interval.nanoseconds, 1)
        for (unit, name) in units where time / unit <= 99_999_999 { return "\(time / unit)\(name)" }
        return "99999999H"
    }
}

/// `grpc-message`: printable ASCII but `%` stands for itself, everything else is percent-encoded UTF-8.
enum PercentText {
    static func encode(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { $0 >= 0x20 && $0 <= 0x7e && $0 != 0x25 }
        if plain { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            if byte >= 0x20 && byte <= 0x7e && byte != 0x25 {
                out.append(byte)
            } else {
                out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Never fails: what is no escape stands for itself.
    static func decode(_ text: some Collection<UInt8>) -> String {
        let bytes = Array(text)
        var out: [UInt8] = []
        var at = 0
        while at < bytes.count {
            if bytes[at] == 0x25, at + 2 < bytes.count, let high = nibble(bytes[at + 1]),
                let low = nibble(bytes[at + 2])
            {
                out.append(high << 4 | low)
                at += 3
            } else {
                out.append(bytes[at])
                at += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}

/// Base64 of binary headers (`-bin`): written without padding, read with or without.
enum Base64 {
    private static let digits = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        var at = 0
        while at < bytes.count {
            let rest = min(3, bytes.count - at)
            var word = UInt32(bytes[at]) << 16
            if rest > 1 { word |= UInt32(bytes[at + 1]) << 8 }
            if rest > 2 { word |= UInt32(bytes[at + 2]) }
            for digit in 0...rest { out.append(digits[Int(word >> (18 - 6 * digit)) & 63]) }
            at += 3
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        var word: UInt32 = 0
        var bits = 0
        for byte in text {
            if byte == UInt8(ascii: "=") { break }
            guard let value = digits.firstIndex(of: byte) else { return nil }
            word = word << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                out.append(UInt8(truncatingIfNeeded: word >> bits))
            }
        }
        return out
    }
}
