internal import Ground

/// `grpc-status-details-bin`: a `google.rpc.Status` that carries one `google.rpc.RetryInfo`.
///
/// Three nested messages of two fields each; they are written by hand so that this room needs no schema.
/// Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto, error_details.proto
enum RetryDetails {
    static let type = "type.googleapis.com/google.rpc.RetryInfo"

    /// The header's value for a status whose retry has a time; `nil` otherwise.
    static func header(_ status: GRPCStatus) -> String? {
        guard case .after(let delay) = status.retry else { return nil }
        var duration: [UInt8] = []
        let time = max(delay.nanoseconds, 0)
        field(1, varint: UInt64(time / 1_000_000_000), into: &duration)
        field(2, varint: UInt64(time % 1_000_000_000), into: &duration)
        var info: [UInt8] = []
        field(1, bytes: duration, into: &info)
        var any: [UInt8] = []
        field(1, bytes: Array(type.utf8), into: &any)
        field(2, bytes: info, into: &any)
        var whole: [UInt8] = []
        field(1, varint: UInt64(status.code.rawValue), into: &whole)
        // The sentence stands in grpc-message already; here it would count against header limits twice.
        field(3, bytes: any, into: &whole)
        return Base64.encode(whole)
    }

    /// The time that a peer's details name, or `nil`.
    static func delay(_ header: some Collection<UInt8>) -> Interval? {
        guard let whole = Base64.decode(header) else { return nil }
        for detail in fields(whole[...], number: 3) {
            guard let name = fields(detail, number: 1).first, name.elementsEqual(type.utf8),
                let info = fields(detail, number: 2).first,
                let duration = fields(info, number: 1).first
            else { continue }
            let seconds = Int64(clamping: varint(duration, number: 1))
            let rest = Int64(clamping: varint(duration, number: 2))
            return .seconds(seconds) + .nanoseconds(rest)
        }
        return nil
    }

    private static func varint(_ value: UInt64, into out: inout [UInt8]) {
        var value = value
        while value >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        out.append(UInt8(value))
    }

    private static func field(_ number: UInt64, varint value: UInt64, into out: inout [UInt8]) {
        if value == 0 { return }
        varint(number << 3, into: &out)
        varint(value, into: &out)
    }

    private static func field(_ number: UInt64, bytes: [UInt8], into out: inout [UInt8]) {
        varint(number << 3 | 2, into: &out)
        varint(UInt64(bytes.count), into: &out)
        out += bytes
    }

    /// Calls `body` with each field's number, its number value and its bytes; stops at the first malformed one.
    private static func scan(
        _ bytes: ArraySlice<UInt8>, _ body: (UInt64, UInt64, ArraySlice<UInt8>) -> Void
    ) {
        var rest = bytes
        func read() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                guard let byte = rest.popFirst() else { return nil }
                value |= UInt64(byte & 0x7f) << shift
                if byte < 0x80 { return value }
            }
            return nil
        }
        while let tag = read() {
            guard let value = read() else { return }
            switch tag & 7 {
            case 0: body(tag >> 3, value, [])
            case 2:
                guard value <= UInt64(rest.count) else { return }
                body(tag >> 3, value, rest.prefix(Int(value)))
                rest = rest.dropFirst(Int(value))
            default: return
            }
        }
    }

    private static func fields(_ bytes: ArraySlice<UInt8>, number: UInt64) -> [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = []
        scan(bytes) { field, _, content in if field == number { found.append(content) } }
        return found
    }

    private static func varint(_ bytes: ArraySlice<UInt8>, number: UInt64) -> UInt64 {
        var found: UInt64 = 0
        scan(bytes) { field, value, _ in if field == number { found = value } }
        return found
    }
}
