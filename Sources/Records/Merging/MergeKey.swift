internal import Cryptography
internal import Ground

/// What makes two answers answers about the same thing: two nodes that saw the same frame give it
/// the same key.
public struct MergeKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Bytes of a key: as many as make an accident impossible in any store.
    public static let length = 16

    /// Of the SHA-256 of what it was made of.
    public let bytes: [UInt8]

    /// The frame's name and the task where the client named the frame, else the input's hash and
    /// the task.
    public init(of answer: Answer) {
        var text: [UInt8] = []
        if let frame = answer.frame {
            Self.append(Array(frame.stream.utf8), to: &text)
            Self.append(withUnsafeBytes(of: frame.sequence.bigEndian, Array.init), to: &text)
        } else {
            Self.append(answer.input, to: &text)
        }
        Self.append(Array(answer.task.utf8), to: &text)
        // What names a frame never looks like what hashes one: it has three parts, not two.
        bytes = Array(Hash.sha256(text).bytes.prefix(Self.length))
    }

    /// As it was written down; `nil` when it is none.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        self.bytes = bytes
    }

    /// With its length before it, so that no two lists of parts give the same bytes.
    private static func append(_ part: [UInt8], to text: inout [UInt8]) {
        text += withUnsafeBytes(of: UInt32(part.count).bigEndian, Array.init)
        text += part
    }

    /// 32 hexadecimal digits: a record's id.
    public var description: String { Hex.text(bytes) }

    public static func < (a: MergeKey, b: MergeKey) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }
}

/// Bytes as lower-case hexadecimal digits.
enum Hex {
    static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// `nil` for anything but pairs of digits.
    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for unit in text.utf8 {
            guard let value = Character(Unicode.Scalar(unit)).hexDigitValue else { return nil }
            if let first = high {
                bytes.append(first << 4 | UInt8(value))
                high = nil
            } else {
                high = UInt8(value)
            }
        }
        return high == nil ? bytes : nil
    }
}
