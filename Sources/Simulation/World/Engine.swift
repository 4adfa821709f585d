import Ground
import Routing

/// An inference that is asked for.
struct Job {
    /// The shard that asks; −1 for a foreign server, whose jobs are calls.
    var shard: Int32
    /// The frame, or the call as slot and generation.
    var id: FrameID
    /// Index of the task in the topology.
    var task: Int32
    var urgent: Bool
}

/// What infers on a host: workers, and a queue before them, realtime first.
struct Engine {
    /// How long an inference takes, by task of the topology.
    struct Speed {
        var median: Double
        var spread: Double
    }

    private(set) var workers: Int
    var speeds: [Speed]
    /// How many times as long everything takes.
    var slowness = 1.0
    /// Inferences begin and never end.
    var isWedged = false
    /// It is gone: nothing can be inferred.
    var isDown = false
    /// When a worker got stuck first, in the world's time.
    var stuckSince: UInt64?
    /// Tells what was meant for an earlier life.
    private(set) var epoch: UInt32 = 0
    /// How long models take to load.
    var load: UInt64
    /// Jobs that may wait: a node hands over only a few more than there are workers; for a foreign
    /// server it is a queue of ordinary length.
    private static let queue = 256
    private var jobs: [Job?]
    private var free: [Int]
    private var urgent = Line()
    private var other = Line()
    private var randomness: Randomness

    /// An inference that has run for longer makes the gateway call the engine stuck.
    private static let longestInference = 10_000_000_000

    init(workers: Int, speeds: [Speed], load: UInt64, randomness: Randomness) {
        self.workers = workers
        self.speeds = speeds
        self.load = load
        self.randomness = randomness
        jobs = Array(repeating: nil, count: workers)
        free = Array((0..<workers).reversed())
    }

    mutating func setWorkers(_ count: Int) {
        workers = count
        jobs = Array(repeating: nil, count: count)
        free = Array((0..<count).reversed())
    }

    private var waiting: Int { urgent.count + other.count }

    func isStuck(now: UInt64) -> Bool {
        stuckSince.map { now - $0 > Self.longestInference } ?? false
    }

    /// Gives a job to a worker; `nil` when none is free.
    mutating func begin(_ job: Job) -> Int? {
        guard let worker = free.popLast() else { return nil }
        jobs[worker] = job
        return worker
    }

    /// The job that a worker had; it is free again.
    mutating func end(_ worker: Int) -> Job? {
        guard let job = jobs[worker] else { return nil }
        jobs[worker] = nil
        free.append(worker)
        return job
    }

    /// Lets a job wait; false when as many wait as may.
    mutating func wait(_ job: Job) -> Bool {
        guard waiting < Self.queue else { return false }
        if job.urgent { urgent.append(job) } else { other.append(job) }
        return true
    }

    mutating func next() -> Job? {
        free.isEmpty ? nil : urgent.removeFirst() ?? other.removeFirst()
    }

    /// How long one inference takes now, in nanoseconds.
    mutating func serviceTime(of task: Int) -> UInt64 {
        let speed = speeds[task]
        let factor = speed.spread == 0 ? 1 : Curves.exp(speed.spread * randomness.normal())
        // A fortnight at most, whatever the factors.
        return UInt64(min(speed.median * factor * slowness, 1.2e15))
    }

    /// Ends it with all that it has, and says what that was: a new life begins, empty.
    mutating func reset() -> [Job] {
        var lost = jobs.compactMap(\.self)
        while let job = urgent.removeFirst() ?? other.removeFirst() { lost.append(job) }
        setWorkers(workers)
        epoch += 1
        stuckSince = nil
        return lost
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
