public import Ground

/// What a node knows of one other node that it may ask.
public struct Peer: Sendable {
    /// What an operator said of a peer, over the breaker's own judgement.
    public enum Override: Hashable, Sendable {
        /// Never call it.
        case open
        /// Call it, whatever happens.
        case closed
    }

    /// The peer's part in the house.
    public enum Kind: Hashable, Sendable {
        /// A node of the same tier and site: takes what has no room or no model here.
        case neighbour
        /// A node of a tier above.
        case upstream
    }

    public let kind: Kind
    public internal(set) var breaker: CircuitBreaker
    /// Time from a call to its answer, the peer's work included.
    public internal(set) var latency = RoundTrip()
    /// What its answers usually take: an average that calls without an answer leave alone.
    private var answers = ServiceTime()
    private var answeredAt = Instant(nanoseconds: 0)
    /// Time of a probe: the way there and back, without work.
    public internal(set) var distance = RoundTrip()
    /// Stands in for the distance before the first measurement: from geography.
    public internal(set) var prior: Interval
    /// Calls under way.
    public internal(set) var pending = 0
    /// Whether the last probes were answered.
    public internal(set) var isWell = true
    /// It said, or an operator did, that it takes nothing new.
    public internal(set) var isDraining = false
    public internal(set) var override: Override?
    /// Whether any task may go to it; one that a new topology names no more stays known, for what
    /// is under way.
    var isOfUse = true
    /// What it said of its load when it last answered, and when.
    public internal(set) var load: PeerLoad?
    var loadAt = Instant(nanoseconds: 0)
    /// When it last answered anything.
    var heardAt = Instant(nanoseconds: 0)
    var probe = Probe()
    /// Leave for a call past its breaker that another shard has.
    var lent: LentTrial?

    public init(
        kind: Kind = .upstream, breaker: CircuitBreaker = CircuitBreaker(), prior: Interval
    ) {
        self.kind = kind
        self.breaker = breaker
        self.prior = prior
    }

    /// What an answer is expected to take, by which it is judged whether a call had time enough.
    ///
    /// That calls usually take long excuses one that timed out only while others are answered: of a
    /// peer that answers nobody any more it is known how far it is, and nothing else.
    @inline(__always)
    func expected(_ outcome: AttemptOutcome, now: Instant) -> Interval {
        let way = min(nearness, Self.farthest)
        guard let usual = answers.mean else { return way }
        let isOld = outcome == .timedOut && now - answeredAt > Self.remembersAnswers
        return isOld ? min(usual, way) : usual
    }

    /// The other side of the Earth: a probe that takes longer waits in a queue.
    private static let farthest = Interval.milliseconds(300)

    /// How long an answer speaks for a peer whose other calls time out: longer than probes take to
    /// find a dead one, and no longer than a wedged one may hold frames up.
    private static let remembersAnswers = Interval.seconds(10)

    /// It answered a call.
    mutating func answered(after time: Interval, now: Instant) {
        answeredAt = now
        answers.observe(time)
    }

    /// How far it is: measured, or by the map.
    public var nearness: Interval { distance.measured ?? prior }

    /// A load report is believed for this long: about as long as the queue it speaks of.
    static let freshLoad = Interval.seconds(1)

    /// Frames that wait or run there, by its own word, while that is fresh.
    func reported(now: Instant) -> Int {
        guard let load, now - loadAt <= Self.freshLoad else { return 0 }
        return load.held
    }

    /// Whether it said a moment ago that it has no room.
    func isFull(now: Instant) -> Bool {
        guard let load, now - loadAt <= Self.freshLoad else { return false }
        return load.room == 0
    }

    /// Whether its breaker, or the operator, lets a call through now.
    func allows(now: Instant) -> Bool {
        switch override {
        case .open: false
        case .closed: true
        case nil: lent == nil && breaker.allows(now: now)
        }
    }
}

/// What a node says of its load with an answer to another node.
public struct PeerLoad: Hashable, Sendable {
    /// Frames that wait for a worker there or have one.
    public var held: Int
    /// Places that are free.
    public var room: Int

    public init(held: Int, room: Int) {
        self.held = held
        self.room = room
    }
}

/// How often peers are asked whether they are there.
struct Probe: Sendable {
    var number: UInt32 = 0
    /// When the one under way began, and when the last one did.
    var began: Instant?
    var sentAt = Instant(nanoseconds: 0)
    var next = Instant(nanoseconds: 0)
    /// Probes in a row that failed.
    var failures = 0

    /// One lost packet is no outage, two in a row are.
    static let mostFailures = 2
    /// A probe carries nothing: a second is as late as never.
    static let timeout = Interval.seconds(1)
    /// A peer that does not answer is asked more and more seldom, down to this: a node that is back
    /// is found while people still look.
    static let mostBackoff = Interval.seconds(2)
    /// A lone peer that is well needs no comparing: it is asked this many times more seldom.
    static let idleFactor: Int64 = 10
}
