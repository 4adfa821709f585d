import Ground
import Inference
import Routing
import Wire

/// What one loop knows of its part of the node, at one moment.
struct ShardReport: Sendable {
    struct Task: Sendable {
        /// What answers: `ready`, `loading`, `failed`, `stuck`, `none`.
        var model = "none"
        var fault = ""
        var bundle = ""
        var bar: Double?
        var waiting = 0
        var isReady = false
    }

    struct Peer: Sendable {
        var breaker = CircuitBreaker.State.closed
        /// How long the breaker stays open yet.
        var open = Interval.zero
        var roundTrip: Interval?
        var pending = 0
        var isDraining = false
        var isEjected = false
    }

    var isDraining = false
    var isReady = true
    var frames = 0
    var tasks: [Task] = []
    var peers: [Peer] = []
    /// Frames that wait or run, by class in the order of `WorkClass.allCases`.
    var held: [Int] = []

    init() {}

    /// On the shard's loop.
    init(_ shard: Shard) {
        let now = shard.time.now
        isDraining = shard.isDraining
        isReady = shard.isReady
        frames = shard.frameCount
        tasks = shard.tasks.indices.map { Task(shard, $0, now: now) }
        peers = shard.knownPeers.indices.map { Peer(shard, $0, now: now) }
        held = WorkClass.allCases.map { shard.admission.held(by: $0) }
    }

    /// Adds what another loop of the node knows.
    mutating func merge(_ other: ShardReport) {
        isDraining = isDraining || other.isDraining
        isReady = isReady && other.isReady
        frames += other.frames
        for (index, task) in other.tasks.enumerated() {
            guard index < tasks.count else { return }
            tasks[index].isReady = tasks[index].isReady && task.isReady
        }
        for (index, peer) in other.peers.enumerated() where index < peers.count {
            peers[index].merge(peer)
        }
        for (index, count) in other.held.enumerated() where index < held.count {
            held[index] += count
        }
    }
}

extension ShardReport.Task {
    fileprivate init(_ shard: Shard, _ index: Int, now: Instant) {
        let task = shard.tasks[index]
        isReady = shard.isReady(task: index)
        bar = shard.courses[index].bar?.value
        fault = task.fault ?? ""
        if let served = task.model {
            model = served.state(now: now).rawValue
            bundle = served.bundle
            // The model's queue is one for all loops.
            waiting = served.model.waiting
        } else if task.isIdentity {
            model = "ready"
        } else {
            model = task.isLoading ? "loading" : task.fault == nil ? "none" : "failed"
        }
    }
}

extension ShardReport.Peer {
    fileprivate init(_ shard: Shard, _ index: Int, now: Instant) {
        let peer = shard.knownPeers[index]
        breaker = peer.breaker.state(now: now)
        open = max(.zero, (peer.breaker.opensUntil ?? now) - now)
        roundTrip = peer.distance.measured ?? peer.latency.measured
        pending = peer.pending
        isDraining = peer.isDraining
        isEjected = shard.isEjected(peer: index)
    }

    fileprivate mutating func merge(_ other: ShardReport.Peer) {
        if other.rank > rank { breaker = other.breaker }
        open = max(open, other.open)
        roundTrip = [roundTrip, other.roundTrip].compactMap(\.self).min()
        pending += other.pending
        isDraining = isDraining || other.isDraining
        isEjected = isEjected || other.isEjected
    }

    /// The more, the fewer calls it lets through.
    private var rank: Int {
        switch breaker {
        case .closed: 0
        case .halfOpen: 1
        case .open: 2
        }
    }
}

extension CircuitBreaker.State {
    /// As `status` and the log say it.
    var word: String {
        switch self {
        case .closed: "closed"
        case .halfOpen: "half-open"
        case .open: "open"
        }
    }
}
