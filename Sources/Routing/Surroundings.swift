public import Ground

/// What a journey needs to know of its task at this node.
public struct Course: Sendable {
    /// A model is loaded here and answers.
    public var hasModel = false
    /// Confidence from which on an answer of this node is accepted; `nil` accepts every answer.
    public var bar: Bar?
    /// Nodes of the next tier that run the task, as indexes into `Surroundings.peers`.
    public var peers: [Int]
    /// Whether the payload may leave the site.
    public var mayLeave: Bool
    public var budget: EscalationBudget
    public var audits: AuditSampler
    var nearest = NearestNode<Int>()

    public init(
        bar: Bar?, peers: [Int], mayLeave: Bool, budget: EscalationBudget, audits: AuditSampler
    ) {
        self.bar = bar
        self.peers = peers
        self.mayLeave = mayLeave
        self.budget = budget
        self.audits = audits
    }
}

/// What a node knows of one node upstream.
public struct Peer: Sendable {
    public var breaker: CircuitBreaker
    /// Time from a call to its answer, the peer's work included.
    public var roundTrip = RoundTrip()
    /// Stands in for the round trip before the first measurement: from geography.
    public var prior: Interval
    /// Calls under way.
    public private(set) var pending = 0

    public init(breaker: CircuitBreaker = CircuitBreaker(), prior: Interval) {
        self.breaker = breaker
        self.prior = prior
    }

    /// Lets a call through, or not.
    mutating func begin(now: Instant) -> CircuitBreaker.Attempt? {
        guard let attempt = breaker.admit(now: now) else { return nil }
        pending += 1
        return attempt
    }

    /// Learns how a call ended.
    mutating func end(
        _ attempt: CircuitBreaker.Attempt, _ outcome: AttemptOutcome, now: Instant,
        _ random: inout Randomness
    ) {
        pending -= 1
        breaker.settle(
            attempt, outcome, expected: roundTrip.measured ?? prior, now: now, random: &random)
        switch outcome {
        case .answered, .timedOut: roundTrip.observe(now - attempt.start, now: now)
        case .throttled: roundTrip.throttled(prior: prior, now: now)
        case .failed, .abandoned, .rejected: break
        }
    }
}

/// What the journeys of one node share: peers, budgets and the rules of every task.
public struct Surroundings: Sendable {
    /// By task.
    public var courses: [Course]
    public var peers: [Peer]
    public var retries: RetryBudget
    /// Draws of this node; seeded once, so that a recorded log replays to the same effects.
    public var randomness: Randomness
    private var candidates: [NearestNode<Int>.Candidate] = []

    public init(
        courses: [Course], peers: [Peer], retries: RetryBudget, randomness: Randomness
    ) {
        self.courses = courses
        self.peers = peers
        self.retries = retries
        self.randomness = randomness
    }

    /// Whether any peer of the task, other than `except`, may be called now.
    func hasLivePeer(task: Int, except: Int?, now: Instant) -> Bool {
        courses[task].peers.contains { $0 != except && peers[$0].breaker.allows(now: now) }
    }

    /// The peer for the task's next call, or `nil` when none may be called.
    mutating func choose(task: Int, except: Int?, now: Instant) -> Int? {
        candidates.removeAll(keepingCapacity: true)
        for index in courses[task].peers where index != except {
            let peer = peers[index]
            candidates.append(
                NearestNode<Int>.Candidate(
                    id: index, distance: peer.roundTrip.measured ?? peer.prior,
                    cost: peer.roundTrip.cost(prior: peer.prior, now: now),
                    pending: peer.pending, isLive: peer.breaker.allows(now: now)))
        }
        let chosen = courses[task].nearest.choose(among: candidates, random: &randomness)
        return chosen.map { candidates[$0].id }
    }
}
