import Ground

/// What a node's clock says while the world's time passes: it runs too fast or too slow, and may
/// step. As `TimeSource` promises, it never goes back: after a step back it stands still until its
/// old reading is reached again.
struct NodeClock {
    /// Where the present rate began, in the world's time and in the clock's own.
    private var since: UInt64
    private var base: Int64
    /// Parts per million that it is too fast.
    private var drift: Int64 = 0
    /// It says at least this.
    private var floor: UInt64
    /// What it said when the world's time was 0.
    private let first: Int64

    /// Says `reading` nanoseconds when the world's time is 0.
    init(reading: UInt64) {
        since = 0
        base = Int64(reading)
        floor = reading
        first = Int64(reading)
    }

    func now(_ world: UInt64) -> Instant {
        Instant(nanoseconds: max(floor, UInt64(max(raw(world), 0))))
    }

    /// The time of day when the world begins, by every clock: some moment in 2027.
    private static let day: Int64 = 1_800_000_000_000_000_000

    /// What the machine takes for the time of day: this does go back when the clock steps back.
    func wall(_ world: UInt64) -> WallTime {
        WallTime(nanoseconds: Self.day + raw(world) - first)
    }

    /// When the clock will say at least `reading`.
    func world(of reading: Instant, now: UInt64) -> UInt64 {
        guard reading > self.now(now) else { return now }
        let left = Int64(clamping: reading.nanoseconds) - base
        let rate = 1_000_000 + drift
        let passed = left / rate * 1_000_000 + left % rate * 1_000_000 / rate
        var moment = since &+ UInt64(max(passed, 0))
        // Rounding: at most a microsecond early.
        while raw(moment) < Int64(clamping: reading.nanoseconds) { moment += 500 }
        return max(moment, now)
    }

    mutating func step(by step: Interval, now: UInt64) {
        floor = self.now(now).nanoseconds
        base += step.nanoseconds
    }

    mutating func setDrift(_ drift: Int, now: UInt64) {
        floor = self.now(now).nanoseconds
        base = raw(now)
        since = now
        self.drift = Int64(drift)
    }

    private func raw(_ world: UInt64) -> Int64 {
        let passed = Int64(world - since)
        guard drift != 0 else { return base + passed }
        // In two parts, so that a year at thousands of ppm does not overflow.
        return base + passed + passed / 1_000_000 * drift + passed % 1_000_000 * drift / 1_000_000
    }
}
