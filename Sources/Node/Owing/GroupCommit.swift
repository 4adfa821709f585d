public import Ground
public import Topology

/// When what was appended to a spool is made durable: many records by one write. Pure.
public struct GroupCommit: Sendable {
    /// Records of one commit: it follows by itself beyond.
    public static let most = 512

    private let commitAfter: Interval
    private let resultsAfter: Interval
    /// When the next commit is due; `distantFuture` when nothing waits.
    public private(set) var due = Instant.distantFuture

    public init(_ plan: SpoolPlan) {
        commitAfter = plan.commit
        resultsAfter = plan.results
    }

    /// A record was appended.
    ///
    /// - Parameters:
    ///   - isAwaited: somebody waits to hear that it is durable.
    ///   - pending: records that wait, this one among them.
    /// - Returns: when to commit, where that is earlier than was said before.
    public mutating func appended(
        _ queue: SpoolQueue, isAwaited: Bool = false, pending: Int, now: Instant
    ) -> Instant? {
        let isHurried = isAwaited || (queue != .result && queue != .telemetry)
        let moment = pending >= Self.most ? now : now + (isHurried ? commitAfter : resultsAfter)
        guard moment < due else { return nil }
        due = moment
        return moment
    }

    /// All that waited is durable, or the disk has refused it.
    public mutating func committed() { due = .distantFuture }
}
