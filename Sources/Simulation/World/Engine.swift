import Ground
import Routing

/// An inference that is asked for.
struct Job {
    /// The shard that asks; `nil` for a foreign server, whose jobs are calls.
    var shard: Int?
    /// The frame, or the call as slot and generation.
    var id: FrameID
    /// Index of the task in the topology.
    var task: Int
    var urgent: Bool
    var at: UInt64
}

/// What infers on a host: workers, and queues before them, the realtime one first.
struct Engine {
    /// How long an inference takes, by task of the topology.
    struct Speed {
        var median: Double
        var spread: Double
    }

    var workers: Int
    var busy = 0
    var speeds: [Speed]
    /// How many times as long everything takes.
    var slowness = 1.0
    /// Inferences begin and never end.
    var isWedged = false
    /// It is gone: nothing can be inferred.
    var isDown = false
    /// When a worker last got stuck, in the world's time.
    var stuckSince: UInt64?
    /// Tells what was meant for an earlier life.
    var epoch: UInt32 = 0
    /// How long models take to load.
    var load: UInt64
    /// Jobs that may wait: as the topology says for each model.
    let queue: Int
    private var urgent = Line()
    private var other = Line()
    var randomness: Randomness

    /// An inference that has run for longer makes the gateway call the engine stuck.
    static let longestInference = Interval.seconds(10)

    init(workers: Int, speeds: [Speed], load: UInt64, queue: Int, randomness: Randomness) {
        self.workers = workers
        self.speeds = speeds
        self.load = load
        self.queue = queue
        self.randomness = randomness
    }

    var waiting: Int { urgent.count + other.count }
    var hasRoom: Bool { busy < workers }

    func isStuck(now: UInt64) -> Bool {
        guard let stuckSince else { return false }
        return now - stuckSince > UInt64(Self.longestInference.nanoseconds)
    }

    /// Lets a job wait; false when as many wait as may.
    mutating func wait(_ job: Job) -> Bool {
        guard waiting < queue else { return false }
        if job.urgent { urgent.append(job) } else { other.append(job) }
        return true
    }

    mutating func next() -> Job? { urgent.removeFirst() ?? other.removeFirst() }

    /// How long one inference takes now, in nanoseconds.
    mutating func serviceTime(of task: Int) -> UInt64 {
        let speed = speeds[task]
        let factor = speed.spread == 0 ? 1 : Curves.exp(speed.spread * randomness.normal())
        return UInt64(min(speed.median * factor * slowness, 1e15))
    }

    /// Ends it with all that it has: a new life begins, empty.
    mutating func reset() {
        busy = 0
        epoch += 1
        stuckSince = nil
        urgent = Line()
        other = Line()
    }

    /// A queue that moves its items down only now and then.
    private struct Line {
        private var items: [Job] = []
        private var head = 0
        var count: Int { items.count - head }

        mutating func append(_ job: Job) { items.append(job) }

        mutating func removeFirst() -> Job? {
            guard head < items.count else { return nil }
            head += 1
            let job = items[head - 1]
            if head == items.count {
                items.removeAll(keepingCapacity: true)
                head = 0
            } else if head > 1024, head * 2 > items.count {
                items.removeFirst(head)
                head = 0
            }
            return job
        }
    }
}
