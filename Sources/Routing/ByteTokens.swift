internal import Ground

/// A token bucket that fills with time: bytes that may go upstream.
///
/// Fixed point, 10⁻⁹ byte, so that a rate times nanoseconds is exact. A payload larger than the
/// bucket goes when the bucket is full, and leaves a debt: over time the rate holds all the same.
struct ByteTokens: Sendable {
    private static let one = Int64(1_000_000_000)
    /// The largest bucket that the fixed point holds together with half as much debt.
    static let largestBurst = 4 << 30

    /// Bytes per second.
    private let rate: Int64
    private let burst: Int64
    private var tokens: Int64
    private var filledAt: Instant

    /// `rate` in bytes per second, at least 1; `burst` in 1…`largestBurst` bytes. Starts half full.
    init(rate: Int, burst: Int, now: Instant) {
        self.rate = Int64(rate)
        self.burst = Int64(burst) * Self.one
        tokens = self.burst / 2
        filledAt = now
    }

    /// 0 when empty, 1 when full.
    var level: Double { max(Double(tokens) / Double(burst), 0) }

    /// Fills up for the time passed; returns the bytes that this time was worth, also those that
    /// found the bucket full.
    mutating func fill(now: Instant) -> Double {
        guard now > filledAt else { return 0 }
        let elapsed = (now - filledAt).nanoseconds
        filledAt = now
        let (gain, isHuge) = elapsed.multipliedReportingOverflow(by: rate)
        let room = burst - tokens
        tokens += isHuge ? room : min(gain, room)
        return Double(elapsed) * Double(rate) / Double(Self.one)
    }

    /// Whole bytes that are there.
    var whole: Int { Int(max(tokens, 0) / Self.one) }

    func holds(_ bytes: Int) -> Bool { tokens >= min(cost(bytes), burst) }

    /// Takes the bytes, into debt at most half as deep as the largest bucket.
    mutating func spend(_ bytes: Int) { tokens = max(tokens - cost(bytes), -Self.deepest) }

    mutating func giveBack(_ bytes: Int) { tokens = min(tokens + cost(bytes), burst) }

    private static let deepest = Int64(largestBurst) * one / 2

    private func cost(_ bytes: Int) -> Int64 {
        Int64(min(max(bytes, 0), Self.largestBurst / 2)) * Self.one
    }
}
