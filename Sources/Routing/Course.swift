public import Ground

/// What a journey needs to know of its task at this node.
public struct Course: Sendable {
    /// A model is loaded here and answers.
    public internal(set) var hasModel = false
    /// Since when another model is wanted, which cannot be had: the one that is here is stale.
    public internal(set) var staleSince: Instant?
    /// How long a stale model may answer; `nil` sets no limit.
    public var staleness: Interval?
    /// Whether the model's work takes a worker; an identity does not.
    public var needsWorker: Bool
    /// Confidence from which on an answer of this node is accepted; `nil` accepts every answer.
    public internal(set) var bar: Bar?
    /// Confidence from which on an answer raises the task's alert; `nil` raises none.
    public var alert: Bar?
    /// Nodes of the same tier and site that run the task, as indexes into `Surroundings.peers`.
    public var neighbours: [Int]
    /// Nodes upstream that run the task, tier by tier from the next one up.
    public var levels: [[Int]] {
        didSet {
            nearest = Array(repeating: NearestNode(), count: levels.count + 1)
            hasUpstream = levels.contains { !$0.isEmpty }
        }
    }
    /// Whether anybody above may be asked.
    public private(set) var hasUpstream: Bool
    /// Whether the payload may leave the site.
    public var mayLeave: Bool
    /// While no tier that suffices can be reached, nothing is said rather than something worse.
    public var failsClosed: Bool
    /// Something safe is said where there is no answer at all.
    public var hasSafeAnswer: Bool
    /// What is kept for the node above.
    public var keeps: Keeping
    public var budget: EscalationBudget
    public var audits: AuditSampler
    var latencies = RecentLatencies()
    /// Of the neighbours, then of each level.
    var nearest: [NearestNode<Int>]
    /// Whether its last level is in panic: most of it is ejected or unwell, and used all the same.
    public internal(set) var isPanicking = false

    public init(
        bar: Bar? = nil, needsWorker: Bool = true, alert: Bar? = nil, neighbours: [Int] = [],
        levels: [[Int]], mayLeave: Bool, failsClosed: Bool = false, hasSafeAnswer: Bool = false,
        keeps: Keeping = .nothing, staleness: Interval? = nil, budget: EscalationBudget,
        audits: AuditSampler
    ) {
        self.bar = bar
        self.needsWorker = needsWorker
        self.alert = alert
        self.neighbours = neighbours
        self.levels = levels
        hasUpstream = levels.contains { !$0.isEmpty }
        self.mayLeave = mayLeave
        self.failsClosed = failsClosed
        self.hasSafeAnswer = hasSafeAnswer
        self.keeps = keeps
        self.staleness = staleness
        self.budget = budget
        self.audits = audits
        nearest = Array(repeating: NearestNode(), count: levels.count + 1)
    }

    /// Whether the model here is stale, and has been for longer than it may answer.
    @inline(__always)
    public func isExpired(now: Instant) -> Bool {
        guard let staleSince, let staleness else { return false }
        return now - staleSince >= staleness
    }

    /// Whether the model here may answer a frame that begins now.
    @inline(__always)
    func mayAnswer(now: Instant) -> Bool { hasModel && !isExpired(now: now) }

    /// Nodes upstream that run it.
    var peerCount: Int {
        @inline(__always)
        get { levels.reduce(0) { $0 + $1.count } }
    }

    /// Takes the rules of a new topology and keeps what was learnt.
    mutating func adopt(_ new: Course) {
        let old = self
        self = new
        hasModel = old.hasModel
        staleSince = old.staleSince
        bar = old.bar
        latencies = old.latencies
        isPanicking = old.isPanicking
        if new.levels == old.levels { nearest = old.nearest }
        if new.budget.limits == old.budget.limits {
            budget = old.budget
        } else {
            budget.version = old.budget.version + 1
        }
    }
}
