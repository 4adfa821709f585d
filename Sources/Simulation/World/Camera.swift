import Ground
import Routing
import Topology

/// When a load's frames come, as plain numbers.
struct Rhythm {
    let shape: LoadPlan.Rhythm
    let every: Double
    let idle: Double
    let burst: Int

    init(_ plan: LoadPlan) {
        shape = plan.rhythm
        every = Double(plan.every.nanoseconds)
        idle = Double(plan.idle.nanoseconds)
        burst = plan.burst
    }
}

/// One sender of frames.
struct Camera {
    let host: Int
    /// Index of its load in the scenario.
    let load: Int
    /// How many times as often it sends as the scenario says.
    var times = 1.0
    /// Tells a schedule that was replaced.
    var generation: UInt32 = 0
    /// Frames that are left of a burst.
    private var burst = 0
    private var randomness: Randomness

    init(host: Int, load: Int, randomness: Randomness) {
        self.host = host
        self.load = load
        self.randomness = randomness
    }

    /// When it sends for the first time: somewhere in its first period.
    mutating func first(_ plan: Rhythm) -> UInt64 {
        UInt64(randomness.unit() * (plan.shape == .bursts ? plan.idle : plan.every))
    }

    /// How long after a frame at `now` the next one comes; `nil` when it sends none.
    mutating func pause(_ plan: Rhythm, now: UInt64) -> UInt64? {
        guard times > 0 else { return nil }
        let every = plan.every / times
        var pause = every
        switch plan.shape {
        case .steady: break
        case .random: pause *= randomness.exponential()
        case .diurnal: pause *= randomness.exponential() / Self.dayShare(now)
        case .bursts:
            burst = burst > 0 ? burst - 1 : plan.burst - 1
            if burst == 0 {
                pause += randomness.exponential() * plan.idle / times
            }
        }
        // A microsecond at least: the world must go on. A year at most.
        return UInt64(min(max(pause, 1_000), 3.2e16))
    }

    /// The load at a time of day, relative to the mean, hour by hour from midnight.
    private static let day: [Double] = [
        0.3, 0.2, 0.15, 0.1, 0.1, 0.2, 0.5, 0.9, 1.3, 1.5, 1.6, 1.7, 1.7, 1.8, 2.0, 2.0, 1.9, 1.7,
        1.4, 1.1, 0.8, 0.6, 0.45, 0.4,
    ]

    private static func dayShare(_ now: UInt64) -> Double {
        day[Int(now / 3_600_000_000_000 % 24)]
    }
}
