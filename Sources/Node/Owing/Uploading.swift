public import Ground
public import Topology

/// When a node tells the one above of itself, and when and how much it sends of what it owes. Pure:
/// the gateway and the simulator hold the calls and the timers, and carry out what it says.
///
/// A report comes first whenever the node above is reached again, then batches, each until it is
/// acknowledged. Nothing leaves the spool before that, so a reply that is lost costs a batch that
/// is sent twice and nothing else.
public struct Uploading: Sendable {
    /// How long the node above has for a call. A batch of frames is inferred there as `batch`.
    public static let patience = Interval.seconds(60)
    public static let reportPatience = Interval.seconds(4)
    /// How often an unreachable node is tried: it has a report within 5 s of being back.
    public static let retry = Interval.seconds(2)
    /// How often a node that refuses records is tried: somebody must change its topology.
    public static let refusedRetry = Interval.seconds(30)
    /// Frames of one batch: so many are inferred above before the watermark moves.
    public static let mostFrames = 32
    /// Records of one batch: one group commit.
    public static let mostRecords = GroupCommit.most
    /// Most bytes of a batch before compression, unless one record is larger.
    public static let batchBytes = 1 << 20
    /// Bytes of a batch that is worth its call: so few are read, hashed, packed and encrypted at
    /// once that live frames hardly wait for them.
    static let stepBytes = 64 << 10
    /// A batch that came to nothing is halved down to this: on an uplink that is slower than the
    /// topology says, one that takes longer than `patience` would else be sent for ever.
    static let leastBytes = 16 << 10
    /// How long a backlog gives way to realtime frames that wait, and then one batch goes.
    static let givesWay = Interval.seconds(2)
    static let giveWayStep = Interval.milliseconds(50)

    /// What to do next.
    public enum Step: Equatable, Sendable {
        /// Report, with `reportPatience`.
        case report
        /// Read so much of a queue and send it, with `patience`.
        case send(SpoolQueue, records: Int, bytes: Int)
        /// Ask again after so long.
        case wait(Interval)
        /// There is nothing to do until something is told.
        case rest
    }

    private enum Stage { case idle, away, calling }

    private var stage = Stage.away
    private let gather: Interval
    private var pace: Pace
    private var turns = Turns()
    private var bytes = Uploading.batchBytes
    private var isBatch = false
    private var gaveWayFrom: Instant?

    /// The node above has not been heard of yet: the first step is a report.
    public init(_ plan: SpoolPlan, now: Instant) {
        gather = plan.gather
        pace = Pace(bitsPerSecond: plan.rate, now: now)
    }

    /// What to do now: when it begins, when a pause is over, and after what else it says so.
    ///
    /// - Parameters:
    ///   - isDue: whether a queue has anything that is not settled.
    ///   - isBusy: whether realtime frames wait for a worker.
    public mutating func next(
        now: Instant, isBusy: Bool, isDue: (SpoolQueue) -> Bool
    ) -> Step {
        switch stage {
        case .calling: return .rest
        case .away:
            stage = .calling
            return .report
        case .idle: break
        }
        var ahead = turns
        guard let index = ahead.next({ SpoolQueue(rawValue: UInt8($0)).map(isDue) ?? false }),
            let queue = SpoolQueue(rawValue: UInt8(index))
        else { return .rest }
        // The turn is taken when the batch goes, not when it must wait.
        turns = ahead
        let pause = max(pace.pause(now: now), wayGiven(now, isBusy))
        guard pause == .zero else { return .wait(pause) }
        let records = queue == .escalation ? Self.mostFrames : Self.mostRecords
        let step = pace.allowance(now: now, least: Self.stepBytes)
        return .send(queue, records: records, bytes: min(bytes, step))
    }

    /// How long to let realtime frames go first.
    private mutating func wayGiven(_ now: Instant, _ isBusy: Bool) -> Interval {
        guard isBusy else {
            gaveWayFrom = nil
            return .zero
        }
        let since = gaveWayFrom ?? now
        guard now - since < Self.givesWay else {
            gaveWayFrom = nil
            return .zero
        }
        gaveWayFrom = since
        return Self.giveWayStep
    }

    /// A batch of so many bytes is on its way.
    public mutating func sent(_ bytes: Int, now: Instant) {
        stage = .calling
        isBatch = true
        pace.spend(bytes, now: now)
    }

    /// The spool has more, and nothing else is under way or waits for its time: what comes one by
    /// one is gathered for a while.
    public var gathering: Interval? { stage == .idle ? gather : nil }

    /// The node above has heard the report.
    public mutating func reported() { stage = .idle }

    /// The node above has taken a batch from `first` to `last`, and has all up to `watermark`: how
    /// long to wait before the next step.
    ///
    /// One that lacks what came before the batch has begun its records again. It takes nothing for
    /// whole until a report tells it where this node's begin.
    public mutating func acknowledged(
        through watermark: UInt64, of first: UInt64, _ last: UInt64, retryAfter: Interval
    ) -> Interval {
        let lacksEarlier = watermark < first && first - watermark > 1
        stage = lacksEarlier ? .away : .idle
        isBatch = false
        bytes = min(2 * bytes, Self.batchBytes)
        return watermark < last ? max(retryAfter, .seconds(1)) : .zero
    }

    /// A report or a batch came to nothing: how long to wait before the next step.
    ///
    /// - Parameter isRefused: the node above takes nothing before somebody has changed something.
    public mutating func failed(isRefused: Bool) -> Interval {
        stage = .away
        if isBatch, !isRefused { bytes = max(bytes / 2, Self.leastBytes) }
        isBatch = false
        return isRefused ? Self.refusedRetry : Self.retry
    }

    /// What may be settled when the node above has all of a queue up to `watermark`, of which
    /// `first` is not settled and `next` is not written yet; `nil` when that is nothing new.
    public static func settled(
        by watermark: UInt64, first: UInt64, next: UInt64
    ) -> UInt64? {
        let last = min(watermark, next - 1)
        return last >= first ? last : nil
    }
}
