/// Takes the words that a value is made of: what logs and hashes of events are built on.
public protocol WordSink {
    mutating func put(_ word: UInt64)
}

extension WordSink {
    @inlinable
    mutating func put(_ number: Int) { put(UInt64(bitPattern: Int64(number))) }

    @inlinable
    mutating func put(_ flag: Bool) { put(flag ? UInt64(1) : 0) }
}

/// A running hash of words: the same words in the same order give the same hash on every machine.
///
/// It tells traces apart that differ by chance; it is no defence against somebody who wants two to
/// look alike.
public struct TraceHash: WordSink, Hashable, Sendable {
    public private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    public init() {}

    @inlinable
    public mutating func put(_ word: UInt64) { mix(word) }

    @usableFromInline
    mutating func mix(_ word: UInt64) {
        value = (value ^ word) &* 0x9E37_79B9_7F4A_7C15
        value ^= value >> 29
    }
}
