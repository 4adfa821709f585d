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
    var frames: FrameTokens
    var bytes: ByteTokens?
    private var recent = RecentFrames()
    /// What a shard has that does not own the buckets; `nil` at the owner's. Its own buckets are
    /// not used then, but for the time that fills them.
    var lease: BudgetLease?
    /// Counts the limits that were in force: what was lent under others is void.
    var version = 0

    /// - Parameter place: shards other than the first lease what they spend.
    public init(_ limits: Limits, place: ShardPlace = .alone, now: Instant) {
        self.limits = limits
        frames = FrameTokens(share: limits.share, burst: limits.burstFrames)
        bytes = limits.bandwidth.map {
            ByteTokens(rate: $0, burst: limits.burstBytes, now: now)
        }
        if place.isMember { lease = BudgetLease(limits, place) }
    }

    /// How full the emptier bucket is, 0…1; at a shard that leases, by the owner's last word.
    public var level: Double { lease?.level ?? min(frames.level, bytes?.level ?? 1) }

    /// Whether all frames below the bar may escalate.
    var isUnbounded: Bool { limits.share >= 1 && limits.bandwidth == nil }

    /// Hears of a frame that the leaf answered, sure or not, and decides. Call it once per frame.
    ///
    /// - Parameter payload: bytes that escalating this frame would send.
    public mutating func decide(
        _ confidence: Confidence, bar: Bar, payload: Int, now: Instant
    ) -> Decision {
        if lease == nil { frames.earn() } else { lease?.seen += 1 }
        let earned = bytes?.fill(now: now) ?? 0
        let decision = judge(confidence, bar: bar, payload: payload)
        recent.add(confidence, bytes: payload, earned: earned)
        if decision == .escalate { charge(payload: payload) }
        return decision
    }

    /// Gives the tokens back of a frame that could not be sent after all.
    public mutating func refund(payload: Int) {
        guard lease == nil else { lease?.giveBack(payload); return }
        frames.giveBack()
        bytes?.giveBack(payload)
    }

    /// Takes the tokens of a frame that goes upstream in any case, such as an audit. It may leave a
    /// debt, which escalations then wait for.
    public mutating func charge(payload: Int) {
        guard lease == nil else { lease?.spend(payload); return }
        frames.spend()
        bytes?.spend(payload)
    }

    private mutating func holds(_ payload: Int) -> Bool {
        guard lease == nil else { return lease?.holds(payload) ?? false }
        return frames.hasOne && bytes?.holds(payload) ?? true
    }

    private mutating func judge(_ confidence: Confidence, bar: Bar, payload: Int) -> Decision {
        if bar.accepts(confidence) { return .accepted }
        // A budget that holds nothing back need not weigh either.
        if isUnbounded { return .escalate }
        guard holds(payload) else { return .overBudget }
        return isHardEnough(confidence, bar: bar) ? .escalate : .overBudget
    }

    private mutating func isHardEnough(_ confidence: Confidence, bar: Bar) -> Bool {
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
