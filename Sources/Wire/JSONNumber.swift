internal import Ground

/// A JSON number: whole where it is written so and fits, a double otherwise.
enum JSONNumber {
    case int64(Int64)
    /// Above `Int64.max`.
    case uint64(UInt64)
    case double(Double)

    var double: Double {
        switch self {
        case .int64(let value): Double(value)
        case .uint64(let value): Double(value)
        case .double(let value): value
        }
    }

    /// The number as `T` where it is whole and fits; 2.0 is whole.
    func whole<T: FixedWidthInteger>(_ type: T.Type) -> T? {
        switch self {
        case .int64(let value): T(exactly: value)
        case .uint64(let value): T(exactly: value)
        // Above 2⁵³ a double may have been rounded from another whole number.
        case .double(let value): abs(value) <= 0x1p53 ? T(exactly: value) : nil
        }
    }
}

extension JSONReader {
    /// Reads a number.
    mutating func number() throws(Fault) -> JSONNumber {
        skipSpace()
        let start = offset
        let negative = accept(UInt8(ascii: "-"))
        var scan = Digits()
        let whole = offset
        takeDigits(&scan)
        guard offset > whole else { throw broken("a number") }
        guard offset == whole + 1 || bytes[whole] != UInt8(ascii: "0") else {
            offset = whole
            throw broken("no leading zero")
        }
        var isWhole = true
        if accept(UInt8(ascii: ".")) {
            isWhole = false
            let fraction = offset
            takeDigits(&scan)
            guard offset > fraction else { throw broken("a digit") }
            scan.exponent -= offset - fraction
        }
        if accept(UInt8(ascii: "e")) || accept(UInt8(ascii: "E")) {
            isWhole = false
            try takeExponent(&scan)
        }
        if isWhole, !scan.overflowed {
            if !negative {
                return Int64(exactly: scan.value).map { .int64($0) } ?? .uint64(scan.value)
            }
            // "-0" is the double; as a whole number it would lose its sign.
            if scan.value == 0 { return .double(-0.0) }
            if scan.value <= Int64.min.magnitude {
                return .int64(Int64(truncatingIfNeeded: 0 &- scan.value))
            }
        }
        if let value = scan.double(negative) { return .double(value) }
        return .double(try slowDouble(start))
    }

    /// The digits of a number as one integer, and the power of ten to put to it.
    private struct Digits {
        var value: UInt64 = 0
        var exponent = 0
        var overflowed = false

        /// The double where it is exact: 53 bits times or by a power of ten that is exact itself
        /// (Clinger 1990). `nil` otherwise.
        func double(_ negative: Bool) -> Double? {
            guard !overflowed, value < 1 << 53, (-22...22).contains(exponent) else { return nil }
            let power = powersOfTen[abs(exponent)]
            let magnitude = exponent < 0 ? Double(value) / power : Double(value) * power
            return negative ? -magnitude : magnitude
        }
    }

    private mutating func takeDigits(_ scan: inout Digits) {
        while offset < bytes.count, case let digit = bytes[offset] &- UInt8(ascii: "0"), digit < 10
        {
            let (tens, over) = scan.value.multipliedReportingOverflow(by: 10)
            let (sum, past) = tens.addingReportingOverflow(UInt64(digit))
            scan.overflowed = scan.overflowed || over || past
            scan.value = sum
            offset += 1
        }
    }

    private mutating func takeExponent(_ scan: inout Digits) throws(Fault) {
        let negative = accept(UInt8(ascii: "-"))
        if !negative { _ = accept(UInt8(ascii: "+")) }
        var digits = Digits()
        let start = offset
        takeDigits(&digits)
        guard offset > start else { throw broken("a digit") }
        // An exponent past this is slow to read anyway, and zero or infinite.
        let power = digits.overflowed ? 10_000 : Int(clamping: min(digits.value, 10_000))
        scan.exponent += negative ? -power : power
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    private func slowDouble(_ start: Int) throws(Fault) -> Double {
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            throw refusal(.client, "JSON: the number at byte \(start) is too large for 64 bits")
        }
        return value
    }
}

/// 10⁰ to 10²²: the powers of ten that a double holds exactly.
private let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]
