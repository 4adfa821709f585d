public import Routing

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
    @usableFromInline var state: UInt64 = 0xCBF2_9CE4_8422_2325

    @inlinable
    public var value: UInt64 { state }

    public init() {}

    @inlinable
    public mutating func put(_ word: UInt64) {
        state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
        state ^= state >> 29
    }

    /// Adds an event: here and not by `put(into:)` elsewhere, where it could not be specialized.
    public mutating func add(_ event: Event) { event.put(into: &self) }

    public mutating func add(_ effect: Effect) { effect.put(into: &self) }
}
