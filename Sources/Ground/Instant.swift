/// A moment on a clock that only moves forward, in nanoseconds from an arbitrary start.
///
/// Every deadline, timer and measurement of the house uses it. It is never a time of day: see
/// `WallTime`.
public struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's start.
    public var nanoseconds: UInt64

    @inlinable
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// A moment that no clock reaches: “never”.
    public static let distantFuture = Instant(nanoseconds: .max)

    @inlinable
    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The moment `interval` later; saturates at zero and at `distantFuture`.
    @inlinable
    public static func + (instant: Instant, interval: Interval) -> Instant {
        if interval.nanoseconds >= 0 {
            let step = UInt64(interval.nanoseconds)
            let (sum, over) = instant.nanoseconds.addingReportingOverflow(step)
            return Instant(nanoseconds: over ? .max : sum)
        }
        let back = interval.nanoseconds.magnitude
        return Instant(nanoseconds: instant.nanoseconds > back ? instant.nanoseconds - back : 0)
    }

    /// The signed distance from `b` to `a`; saturates at ±292 years.
    @inlinable
    public static func - (a: Instant, b: Instant) -> Interval {
        if a >= b {
            return Interval(nanoseconds: Int64(clamping: a.nanoseconds - b.nanoseconds))
        }
        return Interval(nanoseconds: -Int64(clamping: b.nanoseconds - a.nanoseconds))
    }
}

/// A signed length of time in whole nanoseconds.
///
/// The standard `Duration` counts attoseconds in 128 bits, which costs a wide multiplication per
/// step on the frame path; a frame needs nanoseconds in one register.
public struct Interval: Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    @inlinable
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static let zero = Interval(nanoseconds: 0)

    @inlinable
    public static func nanoseconds(_ n: Int64) -> Interval { Interval(nanoseconds: n) }

    @inlinable
    public static func microseconds(_ n: Int64) -> Interval { Interval(scaling: n, by: 1_000) }

    @inlinable
    public static func milliseconds(_ n: Int64) -> Interval { Interval(scaling: n, by: 1_000_000) }

    @inlinable
    public static func seconds(_ n: Int64) -> Interval { Interval(scaling: n, by: 1_000_000_000) }

    /// Saturating: a length that a file or a header states may be absurdly large.
    @inlinable
    init(scaling n: Int64, by unit: Int64) {
        let (product, over) = n.multipliedReportingOverflow(by: unit)
        nanoseconds = over ? (n < 0 ? .min : .max) : product
    }

    /// The length in milliseconds, with its fraction: for people and for metrics, not for
    /// arithmetic.
    @inlinable
    public var milliseconds: Double { Double(nanoseconds) / 1e6 }

    /// The length in seconds, with its fraction.
    @inlinable
    public var seconds: Double { Double(nanoseconds) / 1e9 }

    @inlinable
    public static func < (a: Interval, b: Interval) -> Bool { a.nanoseconds < b.nanoseconds }

    @inlinable
    public static func + (a: Interval, b: Interval) -> Interval {
        Interval(nanoseconds: a.nanoseconds.saturatingSum(b.nanoseconds))
    }

    @inlinable
    public static func - (a: Interval, b: Interval) -> Interval {
        let (rest, over) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
        return Interval(nanoseconds: over ? (a.nanoseconds < 0 ? .min : .max) : rest)
    }
}

/// A time of day: nanoseconds since 1970-01-01 UTC. It may step in either direction; order nothing
/// by it alone.
public struct WallTime: Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    @inlinable
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    @inlinable
    public static func < (a: WallTime, b: WallTime) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The signed distance from `b` to `a`; saturates at ±292 years. Times come from other machines
    /// and from disk, and may be any.
    @inlinable
    public static func - (a: WallTime, b: WallTime) -> Interval {
        Interval(nanoseconds: a.nanoseconds) - Interval(nanoseconds: b.nanoseconds)
    }

    /// The time of day `interval` before; saturates.
    @inlinable
    public static func - (time: WallTime, interval: Interval) -> WallTime {
        WallTime(nanoseconds: (Interval(nanoseconds: time.nanoseconds) - interval).nanoseconds)
    }
}
