public import Ground

/// Which shard of a node this is. Shard 0 owns what is node-wide: how many frames a source may have
/// under way, what may escalate, whether a peer may be called. The others lease of it and follow
/// its verdicts, by messages. A node of one shard is its own owner and sends none.
public struct ShardPlace: Hashable, Sendable {
    public let number: Int
    public let count: Int

    /// The only shard of a node.
    public static let alone = ShardPlace(0, of: 1)

    /// Shard `number`, from 0, of `count`.
    public init(_ number: Int, of count: Int) {
        self.number = number
        self.count = max(1, count)
    }

    /// Whether what is node-wide is decided elsewhere.
    public var isMember: Bool { number > 0 }

    /// The shards that lease of this one and follow it.
    var members: Range<Int> { isMember ? 0..<0 : 1..<max(1, count) }

    /// This shard's part of a number that is split and never leased; all parts together are the
    /// number. What does not divide goes to the first shards.
    public func part(of whole: Int) -> Int {
        let (each, rest) = whole.quotientAndRemainder(dividingBy: count)
        return number < rest ? each + 1 : each
    }
}

/// A message on its way to another shard of the node. Messages of one shard to another arrive in
/// the order in which they were sent, and none is lost.
public struct Letter: Hashable, Sendable {
    public var to: Int
    public var message: ShardMessage
}

/// What shards of one node tell each other.
///
/// | from a member | the owner answers |
/// |---|---|
/// | `ended`: how a call ended | `breaker`, `ejected` to all, when that changes its verdict |
/// | `wantsTrial`: an open breaker's time is over | `trial`: leave for one call, to see |
/// | | or `recallTrial`, to the one who has it and had no use for it yet |
/// | `wants`: frames wait for a source's leave | `granted`, after `recall` where nothing is free |
/// | `returned`: leave given back | nothing |
/// | `account`: frames seen, tokens wanted | `lent` |
/// | `draining` | `draining` to all |
public enum ShardMessage: Hashable, Sendable {
    /// A call to a peer ended; `expected` is the caller's average time to its answer.
    case ended(
        peer: Int, CircuitBreaker.Attempt, AttemptOutcome, expected: Interval)
    case wantsTrial(peer: Int)
    case trial(peer: Int, CircuitBreaker.Attempt)
    /// Give leave back that no frame has used; it comes back as `ended`.
    case recallTrial(peer: Int)
    case breaker(peer: Int, CircuitBreaker.Standing)
    case ejected(peer: Int, Bool)
    /// A peer takes nothing new, or does again.
    case draining(peer: Int, Bool)
    /// So many frames of a source wait.
    case wants(source: Int, frames: Int)
    /// Leave for so many frames of a source; when fewer than were asked for, the others are
    /// refused.
    case granted(source: Int, frames: Int, asked: Int)
    /// Give back what is not in use; with `all` also what is, as its frames end.
    case recall(source: Int, all: Bool)
    /// Leave for so many frames is given back; negative for frames that came in before the source
    /// had a limit. `isAnswer` to a recall of what is not in use.
    case returned(source: Int, frames: Int, isAnswer: Bool)
    case account(task: Int, BudgetAccount)
    case lent(task: Int, BudgetLoan)
}
