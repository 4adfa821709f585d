/// Something that must never happen, and did.
public struct Violation: Sendable, Hashable {
    /// What must hold.
    public enum Invariant: String, CaseIterable, Sendable {
        case answeredOnce = "no frame is answered twice as final"
        case deadlineKept = "no deadline passes in silence"
        case attemptsBounded = "a frame makes at most two calls at one node"
        case retriesBounded = "retries are at most 20 % of requests and a floor"
        case breakerOpens = "five failures in a row open a breaker"
        case alertsOnce = "a frame alerts at most once, and before its answer"
        case ejectionsBounded = "at most a tenth of a tier's hosts, or one, are ejected"
        case limitKept = "a source has at most so many frames under way as its limit, on all loops"
        case limitUsed = "no frame is refused for a limit that is not reached"
        case budgetKept = "all loops together escalate no more than the budget earned"
        case verdictSpreads = "a breaker that opens stops all loops within one message"
        case oneTrial = "one call at a time sees whether a peer is back"
        case shedsLowestFirst = 
            "no realtime frame is shed while a lower class waits beyond its share"
        case nothingAfterEnd = "nothing happens to a frame that is over"
        case nothingLeaks = "what is over is forgotten"
        case recordedOnce = "an answered frame makes one record where it entered, others none"
        case nothingOwedIsLost = "what is owed is settled once, waits, or stands in a gap"
        case answersAlone = "a node that has its model answers every frame, cut off or not"
        case quotaKept = "a spool keeps within its quota on disk, and within one commit in memory"
        case countedOnce = "the hub counts what was acknowledged, once"
        case drains = "when the link is back, all that is owed goes up"
        case expiryIsSaid = "an operator hears of a certificate's end before it comes"
        case heals = "after healing, calls upstream work again within the bound"
        case sameTrace = "the same seed gives the same trace"
    }

    public let invariant: Invariant
    /// Nanoseconds of the world's time.
    public let at: UInt64
    /// The node's name.
    public let node: String
    /// What came, and what was expected.
    public let words: String
    /// The camera's frame that it is about, where it is about one.
    public let frame: UInt64?
    /// The peer that it is about, where it is about one.
    public let peer: Int?
    /// Index of the shard.
    public let shard: Int
}
