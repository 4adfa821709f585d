/// Where a span stands in a trace: the W3C Trace Context, level 1.
///
/// One trace id goes with a frame through all tiers.
public struct TraceContext: Sendable, Hashable {
    /// The trace's 16 bytes, most significant first; not both zero.
    public let traceHigh: UInt64
    public let traceLow: UInt64
    /// The span's 8 bytes; not zero.
    public let span: UInt64
    /// Whether the caller records the trace.
    public var sampled: Bool

    private init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, sampled: Bool) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.sampled = sampled
    }

    /// A new trace.
    public static func root(
        sampled: Bool, random: inout some RandomNumberGenerator
    ) -> TraceContext {
        TraceContext(
            traceHigh: random.next(), traceLow: nonZero(&random), span: nonZero(&random),
            sampled: sampled)
    }

    /// A new span of the same trace.
    public func child(random: inout some RandomNumberGenerator) -> TraceContext {
        TraceContext(
            traceHigh: traceHigh, traceLow: traceLow, span: Self.nonZero(&random),
            sampled: sampled)
    }

    /// Reads a `traceparent` header; `nil` when it is none, and then a new trace begins.
    ///
    /// Of a version that is not known yet, what version 00 has is read, as the standard asks.
    public init?(traceparent text: String) {
        var text = text
        guard let context = text.withUTF8({ Self.parse(UnsafeRawBufferPointer($0)) }) else {
            return nil
        }
        self = context
    }

    /// As `init(traceparent:)`, from a header's bytes.
    public init?(traceparent bytes: UnsafeRawBufferPointer) {
        guard let context = Self.parse(bytes) else { return nil }
        self = context
    }

    /// The header: `00-` trace `-` span `-` flags, 55 characters.
    public var traceparent: String {
        "00-\(Self.hex(traceHigh))\(Self.hex(traceLow))-\(Self.hex(span))-0\(sampled ? 1 : 0)"
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> TraceContext? {
        let dash = UInt8(ascii: "-")
        guard bytes.count >= 55, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = number(bytes, 0..<2), version != 0xFF,
            bytes.count == 55 || (version > 0 && bytes[55] == dash),
            let high = number(bytes, 3..<19), let low = number(bytes, 19..<35), high | low != 0,
            let span = number(bytes, 36..<52), span != 0,
            let flags = number(bytes, 53..<55)
        else { return nil }
        return TraceContext(traceHigh: high, traceLow: low, span: span, sampled: flags & 1 == 1)
    }

    /// Lower-case hexadecimal digits, up to 16.
    private static func number(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt64? {
        var value: UInt64 = 0
        for index in range {
            switch bytes[index] {
            case let unit where (48...57).contains(unit): value = value << 4 | UInt64(unit - 48)
            case let unit where (97...102).contains(unit): value = value << 4 | UInt64(unit - 87)
            default: return nil
            }
        }
        return value
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    private static func nonZero(_ random: inout some RandomNumberGenerator) -> UInt64 {
        while true {
            let value: UInt64 = random.next()
            if value != 0 { return value }
        }
    }
}
