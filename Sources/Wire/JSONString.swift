internal import Ground

extension JSONReader {
    /// Reads a string.
    mutating func string() throws(Fault) -> String {
        let (start, end, escaped) = try stringSpan()
        let body = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        if !escaped {
            let units = body.assumingMemoryBound(to: UInt8.self)
            guard let text = Wire.string(units) else {
                throw refusal(.client, "JSON: the string at byte \(start) is not UTF-8")
            }
            return text
        }
        var units: [UInt8] = []
        units.reserveCapacity(body.count)
        try unescape(start, end) { units.append($0) }
        guard let text = String(validating: units, as: UTF8.self) else {
            throw refusal(.client, "JSON: the string at byte \(start) is not UTF-8")
        }
        return text
    }

    /// Reads a string and gives its bytes to `unit`, unescaped, without making a `String` of it.
    mutating func stringBytes(_ unit: (UInt8) -> Void) throws(Fault) {
        let (start, end, escaped) = try stringSpan()
        guard escaped else {
            for index in start..<end { unit(bytes[index]) }
            return
        }
        try unescape(start, end, unit)
    }

    /// Finds a string's end. Quotes are not in the span.
    private mutating func stringSpan() throws(Fault) -> (start: Int, end: Int, escaped: Bool) {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
            throw broken("a string")
        }
        offset += 1
        let start = offset
        var escaped = false
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return (start, offset - 1, escaped)
            case UInt8(ascii: "\\"):
                escaped = true
                offset += 2
            case 0..<0x20: throw broken("no control character in a string")
            default: offset += 1
            }
        }
        offset = bytes.count
        throw broken("'\"'")
    }

    private func unescape(
        _ start: Int, _ end: Int, _ unit: (UInt8) -> Void
    ) throws(Fault) {
        var at = start
        while at < end {
            guard bytes[at] == UInt8(ascii: "\\") else {
                unit(bytes[at])
                at += 1
                continue
            }
            // The span ends behind a whole escape: a quote after a backslash does not end it.
            let letter = bytes[at + 1]
            at += 2
            switch letter {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unit(letter)
            case UInt8(ascii: "b"): unit(0x08)
            case UInt8(ascii: "f"): unit(0x0C)
            case UInt8(ascii: "n"): unit(0x0A)
            case UInt8(ascii: "r"): unit(0x0D)
            case UInt8(ascii: "t"): unit(0x09)
            case UInt8(ascii: "u"):
                for byte in Unicode.UTF8.encode(try scalar(&at, end))! { unit(byte) }
            default:
                throw refusal(.client, "JSON: an unknown escape at byte \(at - 2)")
            }
        }
    }

    /// The scalar of `\uXXXX`, or of two that form a surrogate pair; `at` is behind the first `u`.
    private func scalar(_ at: inout Int, _ end: Int) throws(Fault) -> Unicode.Scalar {
        let first = at
        let high = hex(&at, end)
        if let high, let scalar = Unicode.Scalar(high) { return scalar }
        if let high, (0xD800..<0xDC00).contains(high), end - at >= 6,
            bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u")
        {
            at += 2
            if let low = hex(&at, end), (0xDC00..<0xE000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
            {
                return scalar
            }
        }
        throw refusal(
            .client, "JSON: the escape at byte \(first - 2) is no character",
            remedy: "write four hexadecimal digits, or a pair of surrogates")
    }

    private func hex(_ at: inout Int, _ end: Int) -> UInt32? {
        guard end - at >= 4 else { return nil }
        var value: UInt32 = 0
        for index in at..<at + 4 {
            guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue else {
                return nil
            }
            value = value << 4 | UInt32(digit)
        }
        at += 4
        return value
    }
}
