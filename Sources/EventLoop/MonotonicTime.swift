internal import CLibuv
internal import Glibc
public import Ground

/// The real clocks of the machine.
///
/// `now` is CLOCK_MONOTONIC: never set back, and the clock that libuv's timers follow. `wall` is
/// CLOCK_REALTIME. Both are read through the vDSO, without a system call.
public struct MonotonicTime: TimeSource {
    public init() {}

    public var now: Instant { Instant(nanoseconds: Self.nanoseconds) }

    public var wall: WallTime {
        var value = timespec()
        clock_gettime(CLOCK_REALTIME, &value)
        return WallTime(nanoseconds: Int64(value.tv_sec) * 1_000_000_000 + Int64(value.tv_nsec))
    }

    static var nanoseconds: UInt64 {
        var value = timespec()
        clock_gettime(CLOCK_MONOTONIC, &value)
        return UInt64(value.tv_sec) * 1_000_000_000 + UInt64(value.tv_nsec)
    }
}
