public import Ground

/// The breaker of a peer at a shard that does not own it: it follows the owner's verdicts, and lets
/// a call past an open one only by the owner's leave, so that one at a time goes out of the node.
extension CircuitBreaker {
    /// What the owner tells the others of a breaker.
    public struct Standing: Hashable, Sendable {
        public var epoch: UInt64
        /// Until when it lets nothing through; `nil` when it is closed.
        public var openUntil: Instant?

        public init(epoch: UInt64, openUntil: Instant?) {
            self.epoch = epoch
            self.openUntil = openUntil
        }
    }

    struct Follower: Sendable {
        /// Leave for one call; it is kept until a frame uses it or the owner wants it back.
        var leave: Attempt?
        /// It was asked for. An answer that does not come is asked for again after a tick.
        var hasAsked = false
    }

    /// What others are told; half-open is the owner's own affair.
    var standing: Standing {
        switch phase {
        case .closed: Standing(epoch: epoch, openUntil: nil)
        case .open(let until): Standing(epoch: epoch, openUntil: until)
        case .halfOpen: Standing(epoch: epoch, openUntil: Instant(nanoseconds: 0))
        }
    }

    mutating func follow(_ standing: Standing) {
        epoch = standing.epoch
        phase = standing.openUntil.map { .open(until: $0) } ?? .closed
        follower = Follower()
    }

    /// Whether leave for a call is to be asked for; once until the next tick.
    mutating func asksForLeave(now: Instant) -> Bool {
        guard let follower, follower.leave == nil, !follower.hasAsked,
            case .open(let until) = phase, now >= until
        else { return false }
        self.follower?.hasAsked = true
        return true
    }

    mutating func give(_ leave: Attempt) { follower?.leave = leave }

    /// Time passes: an answer that did not come is asked for again.
    mutating func mayAskAgain() { follower?.hasAsked = false }

    /// Leave that no frame has used, for the owner that wants it back.
    mutating func giveBackLeave() -> Attempt? {
        defer { follower?.leave = nil }
        return follower?.leave
    }

    mutating func takeLeave(now: Instant) -> Attempt? {
        guard let leave = follower?.leave else { return nil }
        follower?.leave = nil
        return Attempt(epoch: leave.epoch, start: now, isProbe: true)
    }
}
