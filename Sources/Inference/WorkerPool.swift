internal import Ground

/// Runs one model, on the thread of one worker at a time per worker number.
protocol ModelRunner: Sendable {
    /// Answers `input`, and fills the stages' times in, also when it throws.
    func run(
        _ input: InferenceInput, worker: Int, times: inout InferenceTimes
    ) throws(Fault) -> InferenceResult
}

/// The node's inference workers, shared by all models so that they never outnumber the cores they
/// were given.
///
/// The longest waiting realtime job of any model goes first, then the longest waiting other one.
/// Where there are several workers, worker 0 takes realtime jobs only, so that one is never behind
/// a slow batch.
final class WorkerPool: Sendable {
    /// Guarded by the monitor.
    private struct State {
        var queues: [JobQueue] = []
        var submitted: UInt64 = 0
        var isStopping = false
        var threads: [WorkerThread] = []
        /// By worker: whose job it is running, and since when.
        var running: [(queue: JobQueue, since: Instant)?]
    }

    let workers: Int
    private let time: any TimeSource
    private let monitor = Monitor()
    private nonisolated(unsafe) var state: State

    /// - Parameter workers: threads, at least 1.
    init(workers: Int, time: any TimeSource) throws(Fault) {
        self.workers = workers
        self.time = time
        state = State(running: Array(repeating: nil, count: workers))
        for index in 0..<workers {
            let thread = WorkerThread { [self] in work(as: index) }
            guard let thread else {
                stop()
                throw Fault(
                    .unavailable, "the system gave \(index) threads of the \(workers) workers",
                    remedy: "raise the limit on threads, or configure fewer workers")
            }
            monitor.locked { state.threads.append(thread) }
        }
    }

    /// Makes a queue for a model.
    func open(_ runner: any ModelRunner, depth: Int) -> JobQueue {
        let queue = JobQueue(runner: runner, depth: depth)
        monitor.locked { state.queues.append(queue) }
        return queue
    }

    /// Queues a job; `false` when its lane is full or the queue is closed.
    func submit(_ job: InferenceJob, to queue: JobQueue) -> Bool {
        let now = time.now
        var dropped: [WaitingJob] = []
        let accepted = monitor.locked {
            guard queue.isOpen, !state.isStopping else { return false }
            if queue[job.lane].isFull {
                dropped = queue[job.lane].removeAll { $0.job.isCancelled || $0.job.deadline <= now }
            }
            guard !queue[job.lane].isFull else { return false }
            state.submitted += 1
            queue[job.lane].append(WaitingJob(job: job, since: now, number: state.submitted))
            // One signal could wake the realtime worker for a job that it must not take.
            if job.lane == .realtime { monitor.signal() } else { monitor.broadcast() }
            return true
        }
        for waiting in dropped { end(waiting, now: now) }
        return accepted
    }

    func waiting(in queue: JobQueue) -> Int {
        monitor.locked { queue[.realtime].count + queue[.other].count }
    }

    /// Since when the longest running job of a queue has been running; `nil` when none runs.
    func runningSince(in queue: JobQueue) -> Instant? {
        monitor.locked {
            state.running.compactMap { $0 }.filter { $0.queue === queue }.map(\.since).min()
        }
    }

    /// Closes a queue; what waits ends as `.unavailable` on this thread.
    func close(_ queue: JobQueue) {
        let left = monitor.locked {
            state.queues.removeAll { $0 === queue }
            return queue.close()
        }
        endUnavailable(left)
    }

    /// Ends the workers after what they run, and everything that waits.
    func stop() {
        let (left, threads) = monitor.locked {
            state.isStopping = true
            let left = state.queues.flatMap { $0.close() }
            state.queues = []
            defer { state.threads = [] }
            monitor.broadcast()
            return (left, state.threads)
        }
        endUnavailable(left)
        for thread in threads { thread.join() }
    }

    private func endUnavailable(_ left: [WaitingJob]) {
        let now = time.now
        for waiting in left {
            let fault = Fault(
                .unavailable, "the model was closed before the job began", retry: .elsewhere)
            complete(waiting, .failure(fault), queued: now - waiting.since)
        }
    }

    /// Ends a job that was cancelled, or is too late.
    private func end(_ waiting: WaitingJob, now: Instant) {
        let cancelled = !waiting.job.start()
        let fault =
            cancelled
            ? Fault(.cancelled, "the job was cancelled before it began", source: .client)
            : Fault(
                .deadline,
                "the deadline passed after \((now - waiting.since).milliseconds) ms in the queue"
            )
        complete(waiting, .failure(fault), queued: now - waiting.since)
    }

    private func complete(
        _ waiting: WaitingJob, _ result: Result<InferenceResult, Fault>, queued: Interval,
        times: InferenceTimes = InferenceTimes()
    ) {
        var times = times
        times.queued = queued
        waiting.job.sink.completed(
            InferenceOutcome(tag: waiting.job.tag, result: result, times: times))
    }
}

// The workers' side.
extension WorkerPool {
    private func work(as worker: Int) {
        while let (waiting, runner) = next(for: worker) {
            defer { monitor.locked { state.running[worker] = nil } }
            let now = time.now
            guard waiting.job.deadline > now, waiting.job.start() else {
                end(waiting, now: now)
                continue
            }
            var times = InferenceTimes()
            let result: Result<InferenceResult, Fault>
            do throws(Fault) {
                result = .success(
                    try runner.run(waiting.job.input, worker: worker, times: &times))
            } catch {
                result = .failure(error)
            }
            complete(waiting, result, queued: now - waiting.since, times: times)
        }
    }

    /// Waits for a job that this worker may take; `nil` when the pool stops.
    private func next(for worker: Int) -> (WaitingJob, any ModelRunner)? {
        monitor.locked {
            while !state.isStopping {
                if let found = take(.realtime, for: worker) { return found }
                if worker > 0 || workers == 1, let found = take(.other, for: worker) {
                    return found
                }
                monitor.wait()
            }
            return nil
        }
    }

    /// The longest waiting job of a lane. A node has few models: looking at each costs less than
    /// keeping an order.
    private func take(_ lane: Lane, for worker: Int) -> (WaitingJob, any ModelRunner)? {
        var oldest: (number: UInt64, queue: JobQueue)?
        for queue in state.queues {
            guard let first = queue[lane].first else { continue }
            if first.number < oldest?.number ?? .max { oldest = (first.number, queue) }
        }
        guard let oldest, let waiting = oldest.queue[lane].removeFirst() else { return nil }
        state.running[worker] = (oldest.queue, time.now)
        return (waiting, oldest.queue.runner)
    }
}
