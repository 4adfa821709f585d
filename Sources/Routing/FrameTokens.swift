/// A token bucket that fills with frames: each frame seen earns a share of an escalation.
///
/// Fixed point, 2⁻³² frame: what is spent never exceeds share × frames + burst, by not one frame.
struct FrameTokens: Sendable {
    private static let one = Int64(1) << 32

    /// Earned by one frame, rounded down.
    private let earned: Int64
    private let burst: Int64
    private var tokens: Int64

    /// `share` in 0…1; `burst` in 1…2³⁰ frames. It starts half full, where a steady stream keeps
    /// it, and empty where nothing is earned.
    init(share: Double, burst: Int) {
        earned = Int64(share * Double(Self.one))
        self.burst = Int64(burst) * Self.one
        tokens = earned == 0 ? 0 : max(self.burst / 2, Self.one)
    }

    /// 0 when empty, 1 when full.
    var level: Double { max(Double(tokens) / Double(burst), 0) }

    var hasOne: Bool { tokens >= Self.one }

    /// What so many frames earn.
    mutating func earn(frames: Int = 1) {
        let (gain, isHuge) = earned.multipliedReportingOverflow(by: Int64(max(frames, 0)))
        tokens = isHuge ? burst : min(tokens + min(gain, burst), burst)
    }

    /// Whole tokens that are there.
    var whole: Int { Int(max(tokens, 0) / Self.one) }

    /// Takes several, which may leave a debt.
    mutating func spend(_ count: Int) {
        tokens = max(tokens - Int64(min(count, 1 << 30)) * Self.one, -burst)
    }

    /// Takes one, into debt at most as deep as the bucket.
    mutating func spend() { tokens = max(tokens - Self.one, -burst) }

    mutating func giveBack() { tokens = min(tokens + Self.one, burst) }
}
