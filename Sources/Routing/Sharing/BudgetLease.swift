internal import Ground

/// What a shard tells the owner of an escalation budget.
public struct BudgetAccount: Hashable, Sendable {
    /// Which limits it goes by.
    public var version: Int
    /// Frames that it answered since its last account: they earn tokens.
    public var seen = 0
    /// Tokens that it spent and had not, for audits.
    public var owedFrames = 0
    public var owedBytes = 0
    /// Tokens that it would have.
    public var wantedFrames = 0
    public var wantedBytes = 0

    public init(version: Int) { self.version = version }
}

/// What the owner of an escalation budget lends a shard. It is spent from the buckets as it is
/// lent, so all shards together never spend more than they hold.
public struct BudgetLoan: Hashable, Sendable {
    public var version: Int
    public var frames: Int
    public var bytes: Int
    /// How full the emptier bucket is, 0…1.
    public var level: Double

    public init(version: Int, frames: Int, bytes: Int, level: Double) {
        self.version = version
        self.frames = frames
        self.bytes = bytes
        self.level = level
    }
}

/// Tokens that a shard has at hand. It keeps them while it has nothing to escalate: they are a
/// small part of the burst, and the next hard frame does not come too early for them.
struct BudgetLease: Sendable {
    /// Leases of all shards together are at most this part of the burst: a quarter, so that idle
    /// loops keep little from the busy one.
    private static let part = 4

    private(set) var frames = 0
    private(set) var bytes = 0
    private(set) var level = 0.5
    var seen = 0
    /// What is kept at hand.
    private let mostFrames: Int
    private let mostBytes: Int?
    /// The largest payload that there were no bytes for.
    private var largest = 0
    private var hasAsked = false

    init(_ limits: EscalationBudget.Limits, _ place: ShardPlace) {
        let parts = Self.part * max(1, place.count - 1)
        mostFrames = max(1, limits.burstFrames / parts)
        mostBytes = limits.bandwidth == nil ? nil : max(1, limits.burstBytes / parts)
    }

    mutating func holds(_ payload: Int) -> Bool {
        guard mostBytes != nil else { return frames > 0 }
        if bytes < payload { largest = max(largest, payload) }
        return frames > 0 && bytes >= payload
    }

    mutating func spend(_ payload: Int) {
        frames -= 1
        if mostBytes != nil { bytes -= payload }
    }

    mutating func giveBack(_ payload: Int) {
        frames += 1
        if mostBytes != nil { bytes += payload }
    }

    mutating func take(_ loan: BudgetLoan) {
        frames += loan.frames
        bytes += loan.bytes
        level = loan.level
        hasAsked = false
    }

    /// What is to be told now; `nil` when there is nothing. With `isTick` also what can wait, and
    /// an answer that did not come is asked for again.
    mutating func account(_ version: Int, isTick: Bool) -> BudgetAccount? {
        if isTick { hasAsked = false }
        let target = max(mostBytes ?? 0, largest)
        let isShort = frames <= mostFrames / 2 || bytes < (target + 1) / 2 || bytes < largest
        guard !hasAsked, isShort || isTick && seen > 0 else { return nil }
        var account = BudgetAccount(version: version)
        account.seen = seen
        account.owedFrames = max(0, -frames)
        account.owedBytes = max(0, -bytes)
        frames = max(0, frames)
        bytes = max(0, bytes)
        account.wantedFrames = max(0, mostFrames - frames)
        account.wantedBytes = max(0, target - bytes)
        seen = 0
        largest = 0
        hasAsked = true
        return account
    }
}

extension EscalationBudget {
    /// What a shard that leases is to tell the owner.
    mutating func account(isTick: Bool) -> BudgetAccount? {
        guard !isUnbounded, limits.share > 0 else { return nil }
        return lease?.account(version, isTick: isTick)
    }

    /// The owner's answer to an account; `nil` when it is of other limits.
    ///
    /// At most half of what is there is lent at once, so that a shard that asks often does not keep
    /// the others from asking.
    mutating func lend(_ account: BudgetAccount, now: Instant) -> BudgetLoan? {
        guard account.version == version, lease == nil else { return nil }
        frames.earn(frames: account.seen)
        _ = bytes?.fill(now: now)
        frames.spend(account.owedFrames)
        bytes?.spend(account.owedBytes)
        let lentFrames = min(account.wantedFrames, (frames.whole + 1) / 2)
        frames.spend(lentFrames)
        var lentBytes = 0
        if let held = bytes?.whole {
            lentBytes = min(account.wantedBytes, (held + 1) / 2)
            bytes?.spend(lentBytes)
        }
        return BudgetLoan(version: version, frames: lentFrames, bytes: lentBytes, level: level)
    }

    mutating func take(_ loan: BudgetLoan) {
        guard loan.version == version else { return }
        lease?.take(loan)
    }
}
