internal import Ground

/// A job that waits.
struct WaitingJob {
    let job: InferenceJob
    let since: Instant
    /// Its place among the jobs of all models.
    let number: UInt64
}

/// First in, first out, with a bound. Its memory is taken once.
struct JobRing {
    private var slots: [WaitingJob?]
    private var head = 0
    private(set) var count = 0

    init(depth: Int) { slots = Array(repeating: nil, count: depth) }

    var isFull: Bool { count == slots.count }
    var first: WaitingJob? { count > 0 ? slots[head] : nil }

    mutating func append(_ waiting: WaitingJob) {
        precondition(!isFull)
        slots[(head + count) % slots.count] = waiting
        count += 1
    }

    mutating func removeFirst() -> WaitingJob? {
        guard count > 0 else { return nil }
        let result = slots[head]
        slots[head] = nil
        head = (head + 1) % slots.count
        count -= 1
        return result
    }

    /// Takes out what `matches`, keeping the order of the rest.
    mutating func removeAll(where matches: (WaitingJob) -> Bool) -> [WaitingJob] {
        var removed: [WaitingJob] = []
        for _ in 0..<count {
            guard let waiting = removeFirst() else { break }
            if matches(waiting) { removed.append(waiting) } else { append(waiting) }
        }
        return removed
    }
}

/// One model's waiting jobs. Guarded by its pool's lock.
final class JobQueue: @unchecked Sendable {
    let runner: any ModelRunner
    fileprivate(set) var isOpen = true
    fileprivate var realtime: JobRing
    fileprivate var other: JobRing

    /// - Parameter depth: jobs that wait at most in each lane: the others never take a realtime
    ///   job's place.
    init(runner: any ModelRunner, depth: Int) {
        self.runner = runner
        realtime = JobRing(depth: depth)
        other = JobRing(depth: depth)
    }

    subscript(lane: Lane) -> JobRing {
        _read {
            switch lane {
            case .realtime: yield realtime
            case .other: yield other
            }
        }
        _modify {
            switch lane {
            case .realtime: yield &realtime
            case .other: yield &other
            }
        }
    }

    /// Refuses jobs from now on and takes out those that wait.
    func close() -> [WaitingJob] {
        isOpen = false
        return takeAll()
    }

    /// Takes out the jobs that wait.
    func takeAll() -> [WaitingJob] {
        realtime.removeAll { _ in true } + other.removeAll { _ in true }
    }
}
