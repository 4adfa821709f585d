/// Base64 with padding (RFC 4648, section 4): bytes as text.
enum Base64 {
    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each letter; 255 for what is no letter.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, letter) in letters.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var group: UInt32 = 0
            for index in 0..<3 {
                group = group << 8 | (index < count ? UInt32(bytes[start + index]) : 0)
            }
            for index in 0..<4 {
                let letter = letters[Int(group >> UInt32(18 - 6 * index)) & 63]
                text.append(index <= count ? letter : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that `text` stands for; `nil` when it is not exactly such a text.
    static func decode(_ text: some RandomAccessCollection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).filter { $0 == UInt8(ascii: "=") }.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0
        var position = 0
        for letter in text.dropLast(padding) {
            let value = values[Int(letter)]
            guard value < 64 else { return nil }
            group = group << 6 | UInt32(value)
            position += 1
            if position % 4 == 0 {
                for shift: UInt32 in [16, 8, 0] {
                    bytes.append(UInt8(truncatingIfNeeded: group >> shift))
                }
                group = 0
            }
        }
        return finish(bytes, group, padding)
    }

    private static func finish(_ bytes: [UInt8], _ group: UInt32, _ padding: Int) -> [UInt8]? {
        switch padding {
        case 0: return bytes
        // Bits that belong to no byte must be zero: one value has one text.
        case 1:
            guard group & 3 == 0 else { return nil }
            return bytes + [
                UInt8(truncatingIfNeeded: group >> 10), UInt8(truncatingIfNeeded: group >> 2),
            ]
        default:
            guard group & 15 == 0 else { return nil }
            return bytes + [UInt8(truncatingIfNeeded: group >> 4)]
        }
    }
}
