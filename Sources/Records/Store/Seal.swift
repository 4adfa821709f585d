internal import Cryptography
internal import Ground
internal import Storage

/// A checksum of a row. SQLite has none of its own: most flipped bits would pass as data.
enum Seal {
    /// 64 bits of the SHA-256 of the values, each with its kind and length.
    static func of(_ values: some Sequence<SQLValue>) -> SQLValue {
        var text: [UInt8] = []
        text.reserveCapacity(256)
        for value in values { append(value, to: &text) }
        let digest = Hash.sha256(text).bytes.prefix(8)
        return .bits(digest.reduce(0) { $0 << 8 | UInt64($1) })
    }

    private static func append(_ value: SQLValue, to text: inout [UInt8]) {
        func number(_ kind: UInt8, _ bits: UInt64) {
            text.append(kind)
            withUnsafeBytes(of: bits.littleEndian) { text.append(contentsOf: $0) }
        }
        switch value {
        case .null: text.append(0)
        case .integer(let value): number(1, UInt64(bitPattern: value))
        case .real(let value): number(2, value.bitPattern)
        case .text(let value):
            number(3, UInt64(value.utf8.count))
            text.append(contentsOf: value.utf8)
        case .blob(let value):
            number(4, UInt64(value.count))
            text.append(contentsOf: value)
        }
    }
}
