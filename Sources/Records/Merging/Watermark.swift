public import Ground

/// Which of an origin's sequences the hub holds: all up to `through`, and some ranges beyond.
///
/// A sequence is held when its record, or a gap that stands in its place, is durable here. An
/// origin is told `through`, and deletes what is at or below it: so it only ever grows, and only
/// over what is held.
public struct Watermark: Equatable, Sendable {
    /// Ranges beyond a hole that are remembered. An origin sends in order, over a connection or
    /// two: a handful come early. Past this a batch is refused, and comes again.
    public static let aheadLimit = 64

    /// Every sequence from 1 to this is held.
    public private(set) var through: UInt64
    /// What else is held: ascending, apart from each other and from `through`.
    public private(set) var ahead: [ClosedRange<UInt64>]

    /// Nothing is held yet. Sequences begin with 1.
    public init() {
        through = 0
        ahead = []
    }

    /// As it was written down.
    public init(through: UInt64, ahead: [ClosedRange<UInt64>]) {
        self.through = through
        self.ahead = ahead
    }

    public func holds(_ sequence: UInt64) -> Bool {
        sequence <= through || ahead.contains { $0.contains(sequence) }
    }

    /// The parts of `range` that are not held, ascending.
    public func missing(in range: ClosedRange<UInt64>) -> [ClosedRange<UInt64>] {
        var parts: [ClosedRange<UInt64>] = []
        var next = range.lowerBound
        if through >= next {
            guard through < range.upperBound else { return [] }
            next = through + 1
        }
        for held in ahead where held.upperBound >= next {
            guard held.lowerBound <= range.upperBound else { break }
            if held.lowerBound > next { parts.append(next...(held.lowerBound - 1)) }
            guard held.upperBound < range.upperBound else { return parts }
            next = held.upperBound + 1
        }
        parts.append(next...range.upperBound)
        return parts
    }

    /// Takes `range` as held. Doing so again changes nothing.
    ///
    /// - Throws: `exhausted` when too many ranges would lie ahead; then nothing has changed.
    public mutating func add(_ range: ClosedRange<UInt64>) throws(Fault) {
        guard range.upperBound > through else { return }
        var merged = range
        var others: [ClosedRange<UInt64>] = []
        for held in ahead {
            if Self.touch(held, merged) {
                merged =
                    min(
                        held.lowerBound, merged.lowerBound)...max(
                        held.upperBound, merged.upperBound)
            } else {
                others.append(held)
            }
        }
        if merged.lowerBound <= through + 1 {
            through = merged.upperBound
            ahead = others
            return
        }
        guard others.count < Self.aheadLimit else {
            throw Fault(
                .exhausted,
                "sequence \(range.lowerBound) comes while \(through + 1) and \(others.count) "
                    + "ranges after it are not there yet",
                source: .peer, remedy: "send from \(through + 1) on", retry: .after(.seconds(1)))
        }
        let at = others.firstIndex { $0.lowerBound > merged.lowerBound } ?? others.count
        others.insert(merged, at: at)
        ahead = others
    }

    private static func touch(_ a: ClosedRange<UInt64>, _ b: ClosedRange<UInt64>) -> Bool {
        a.lowerBound <= (b.upperBound == .max ? .max : b.upperBound + 1)
            && b.lowerBound <= (a.upperBound == .max ? .max : a.upperBound + 1)
    }
}
