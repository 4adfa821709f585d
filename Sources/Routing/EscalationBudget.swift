public import Ground

/// Decides which of the frames below the bar escalate, such that a share of frames and a bandwidth
/// are kept and the hardest frames go.
///
/// Each frame that the leaf answered earns a part of a frame token, and time earns bytes. First
/// come, first served would spend them on whatever arrives; here a frame escalates when its
/// confidence lies below a threshold that moves with the recent frames and with the buckets: the
/// confidence below which `share × level ÷ (1 − level)` of the recent frames lie, where `level` is
/// how full the emptier bucket is.
///
/// At half full, the hardest frames escalate at just the rate that is earned. A fuller bucket
/// reaches for easier frames, a full one for every frame below the bar, since what it earns next
/// would be lost; an emptier one saves for the hardest. So the level settles by itself, through
/// bursts and drift, whatever the histogram has not seen yet.
///
/// The bar stays where it is: a frame below it that may not escalate was *not* accepted.
public struct EscalationBudget: Sendable {
    /// What became of a frame.
    public enum Decision: Hashable, Sendable {
        /// The answer is at or above the bar and needs no better one.
        case accepted
        /// The frame escalates, and its tokens are spent.
        case escalate
        /// The answer is not accepted and stays: `accepted = false`, `degraded = budget`.
        case overBudget
    }

    public let limits: Limits
    private var frames: FrameTokens
    private var bytes: ByteTokens?
    private var recent = RecentFrames()

    public init(_ limits: Limits, now: Instant) {
        self.limits = limits
        frames = FrameTokens(share: limits.share, burst: limits.burstFrames)
        bytes = limits.bandwidth.map {
            ByteTokens(rate: $0, burst: limits.burstBytes, now: now)
        }
    }

    /// How full the emptier bucket is, 0…1.
    public var level: Double { min(frames.level, bytes?.level ?? 1) }

    /// Hears of a frame that the leaf answered, sure or not, and decides. Call it once per frame.
    ///
    /// - Parameter payload: bytes that escalating this frame would send.
    public mutating func decide(
        _ confidence: Confidence, bar: Bar, payload: Int, now: Instant
    ) -> Decision {
        frames.earn()
        let earned = bytes?.fill(now: now) ?? 0
        let decision = judge(confidence, bar: bar, payload: payload)
        recent.add(confidence, bytes: payload, earned: earned)
        if decision == .escalate { charge(payload: payload) }
        return decision
    }

    /// Gives the tokens back of a frame that could not be sent after all.
    public mutating func refund(payload: Int) {
        frames.giveBack()
        bytes?.giveBack(payload)
    }

    /// Takes the tokens of a frame that goes upstream in any case, such as an audit. It may leave a
    /// debt, which escalations then wait for.
    public mutating func charge(payload: Int) {
        frames.spend()
        bytes?.spend(payload)
    }

    private func judge(_ confidence: Confidence, bar: Bar, payload: Int) -> Decision {
        if bar.accepts(confidence) { return .accepted }
        // A budget that holds nothing back need not weigh either.
        if limits.share >= 1, bytes == nil { return .escalate }
        guard frames.hasOne, bytes?.holds(payload) ?? true else { return .overBudget }
        return isHardEnough(confidence, bar: bar) ? .escalate : .overBudget
    }

    private func isHardEnough(_ confidence: Confidence, bar: Bar) -> Bool {
        let level = level
        if level >= Self.full { return true }
        let affordable = bytes == nil ? limits.share : min(limits.share, recent.carriedShare)
        let share = affordable * level / (1 - level)
        // Before enough frames were seen, the level alone speaks.
        let threshold = recent.quantile(share) ?? bar.value * level
        return confidence.value < threshold
    }

    /// From here the next token would be lost, or nearly.
    private static let full = 0.98
}
