public import Ground

/// What the journeys of one node share: peers, budgets, workers and the rules of every task.
///
/// It is a kilobyte, and the compiler copies all of it for a method that only reads: journeys take
/// it `inout` even where they change nothing.
public struct Surroundings: Sendable {
    /// By task.
    public internal(set) var courses: [Course]
    public internal(set) var peers: [Peer]
    public internal(set) var policy: Policy
    public internal(set) var retries: RetryBudget
    public internal(set) var outliers: Outliers
    public internal(set) var admission: Admission
    public internal(set) var sources: Sources
    /// Which shard of its node this is.
    public let place: ShardPlace
    /// To other shards, of the present event.
    var letters: [Letter] = []
    /// Whether the last choice of a peer has asked another shard for leave.
    var isAsking = false
    /// Frames that wait for such leave, some milliseconds each: few, since a shard asks once in a
    /// tick for each peer.
    var askers: [FrameID] = []
    /// How many of them have not heard of what another shard has said.
    var unheard = 0
    /// Draws of this node; seeded once, so that a recorded log replays to the same effects.
    var randomness: Randomness
    /// What has changed during the present event.
    var changes: [Change] = []
    var candidates: [NearestNode<Int>.Candidate] = []
    /// As of the last tick: up to this moment ticks do nothing, as long as nobody is called and no
    /// word of a peer comes. The distant past while frames wait or calls are under way.
    public internal(set) var idleUntil = Instant(nanoseconds: 0)
    /// Peers that do the same work, for finding outliers.
    var pools: [[Int]]

    public init(
        courses: [Course], peers: [Peer], policy: Policy, place: ShardPlace = .alone,
        randomness: Randomness, now: Instant
    ) {
        self.courses = courses
        self.peers = peers
        self.place = place
        sources = Sources(place)
        self.policy = policy
        self.randomness = randomness
        retries = RetryBudget(policy.retries)
        outliers = Outliers(policy.outliers, hosts: peers.count, now: now)
        admission = Admission(policy.admission, tasks: courses.count)
        pools = Self.pools(of: courses)
        spread()
        if place.isMember { follow(from: 0) }
    }

    /// Peers from this one on have their breakers judged by the owner.
    private mutating func follow(from first: Int) {
        for index in peers.indices.dropFirst(first) {
            peers[index].breaker.follower = CircuitBreaker.Follower()
        }
    }

    /// Takes a new topology's rules and numbers; what was learnt of peers, budgets and tasks of the
    /// same index stays, and who is under way goes on.
    public mutating func adopt(_ new: Surroundings) {
        for index in courses.indices { courses[index].adopt(new.courses[index]) }
        courses.append(contentsOf: new.courses.dropFirst(courses.count))
        for index in peers.indices { peers[index].prior = new.peers[index].prior }
        let known = peers.count
        peers.append(contentsOf: new.peers.dropFirst(known))
        if place.isMember { follow(from: known) }
        policy = new.policy
        retries.settings = policy.retries
        outliers.configure(policy.outliers, hosts: peers.count)
        admission.configure(policy.admission, tasks: courses.count)
        pools = Self.pools(of: courses)
        for index in peers.indices {
            peers[index].isOfUse = courses.contains { course in
                course.neighbours.contains(index) || course.levels.contains { $0.contains(index) }
            }
        }
        spread()
    }

    /// Hands the policy to those who decide by parts of it.
    private mutating func spread() {
        for index in peers.indices { peers[index].breaker.settings = policy.breaker }
        for course in courses.indices {
            for level in courses[course].nearest.indices {
                courses[course].nearest[level].settings = policy.nearest
            }
        }
    }

    private static func pools(of courses: [Course]) -> [[Int]] {
        var pools: [[Int]] = []
        for course in courses {
            for level in course.levels where !pools.contains(level) { pools.append(level) }
        }
        return pools
    }
}

/// A change of state that people should hear of; the host logs and counts it.
public enum Change: Hashable, Sendable {
    /// A peer's breaker opened, closed, or lets one call through to see.
    case breaker(peer: Int, CircuitBreaker.State)
    /// A peer does worse than its fellows and is left out, or is back.
    case ejected(peer: Int, Bool)
    /// A peer stopped or began to answer probes.
    case well(peer: Int, Bool)
    /// Most peers of a task's last tier are left out, and are asked all the same; or no longer.
    case panic(task: Int, Bool)
    /// A frame of this class was turned away, or had to give way.
    case shed(task: Int, WorkClass)
}
