public import Ground

/// The hybrid logical clock of what a node writes down: milliseconds of the time of day, and 16
/// bits that count where that stands still or goes back.
public enum LogicalClock {
    /// The moment after `last`: never before it, and as near to the time of day as that allows.
    public static func next(after last: UInt64, _ wall: WallTime) -> UInt64 {
        max((UInt64(max(wall.nanoseconds, 0)) / 1_000_000) << 16, last + 1)
    }
}
