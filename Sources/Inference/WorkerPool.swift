internal import Ground

/// Runs one model, on the thread of one worker at a time per worker number.
protocol ModelRunner: Sendable {
    /// Answers `input`, and fills the stages' times in, also when it throws.
    func run(
        _ input: InferenceInput, worker: Int, times: inout InferenceTimes
    ) throws(Fault) -> InferenceResult

    /// Gives back what is kept for a worker that goes; on its thread.
    func release(worker: Int)
}

extension ModelRunner {
    func release(worker: Int) {}
}

/// Workers for jobs of one or several models: threads that come with the load, up to a maximum, and
/// go when there is nothing to do.
///
/// The longest waiting realtime job of any model goes first, then the longest waiting other one.
/// Where there may be several workers, all but one may run other jobs, so that a realtime one is
/// never behind a slow batch.
final class WorkerPool: Sendable {
    /// Guarded by the monitor.
    private struct State {
        var queues: [JobQueue] = []
        var submitted: UInt64 = 0
        var isStopping = false
        /// By worker; `nil` where there is none.
        var threads: [WorkerThread?]
        /// By worker: whether it waits for a job and has not been called.
        var isIdle: [Bool]
        /// By worker: whose job it is running, and since when.
        var running: [(queue: JobQueue, lane: Lane, since: Instant)?]

        var alive: Int { threads.count { $0 != nil } }
        var runningOthers: Int { running.count { $0?.lane == .other } }
        var waiting: Int { queues.reduce(0) { $0 + $1[.realtime].count + $1[.other].count } }
    }

    /// Threads at most.
    let workers: Int
    private let idle: Interval
    /// Whether the threads compute themselves; others only wait for those that do.
    private let computes: Bool
    private let time: any TimeSource
    private let monitor: Monitor
    private nonisolated(unsafe) var state: State

    /// - Parameters:
    ///   - workers: threads at most, at least 1. The first is there from the start and stays.
    ///   - idle: how long one waits for a job before it goes.
    ///   - computes: whether the threads run the model, and do not only hand jobs to another
    ///     process.
    init(
        workers: Int, idle: Interval = EngineSettings.defaultIdle, computes: Bool = true,
        time: any TimeSource
    ) throws(Fault) {
        self.workers = workers
        self.computes = computes
        self.idle = idle
        self.time = time
        monitor = Monitor(places: workers)
        state = State(
            threads: Array(repeating: nil, count: workers),
            isIdle: Array(repeating: false, count: workers),
            running: Array(repeating: nil, count: workers))
        let isStarted = monitor.locked { startWorker(0) }
        guard isStarted else {
            throw Fault(
                .unavailable, "the system gave no thread for an inference worker",
                remedy: "raise the limit on threads (`ulimit -u`)")
        }
    }

    /// Threads there are now.
    var alive: Int { monitor.locked { state.alive } }

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
        var called: Int?
        let accepted = monitor.locked {
            guard queue.isOpen, !state.isStopping else { return false }
            if queue[job.lane].isFull {
                dropped = queue[job.lane].removeAll { $0.job.isCancelled || $0.job.deadline <= now }
            }
            guard !queue[job.lane].isFull else { return false }
            state.submitted += 1
            queue[job.lane].append(WaitingJob(job: job, since: now, number: state.submitted))
            called = callWorker()
            return true
        }
        // Not under the lock, which the worker would wake up to find taken.
        if let called { monitor.wake(called) }
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

    /// Ends what waits in a queue as `.unavailable`, on this thread.
    func flush(_ queue: JobQueue, because reason: String) {
        endUnavailable(monitor.locked { queue.takeAll() }, because: reason)
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
            defer { state.threads = Array(repeating: nil, count: workers) }
            monitor.wakeAll()
            return (left, state.threads)
        }
        endUnavailable(left)
        for thread in threads { thread?.join() }
    }

    private func endUnavailable(
        _ left: [WaitingJob], because reason: String = "the model was closed"
    ) {
        let now = time.now
        for waiting in left {
            let fault = Fault(
                .unavailable, "\(reason) before the job began", retry: .elsewhere)
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
    /// Sees to it that somebody takes the job that was just queued: the first idle worker, else a
    /// new one where there may be more. Under the lock.
    ///
    /// - Returns: the worker to wake when the lock is given back, if one sleeps.
    private func callWorker() -> Int? {
        if let worker = state.isIdle.firstIndex(of: true) {
            state.isIdle[worker] = false
            return worker
        }
        if let worker = state.threads.firstIndex(where: { $0 == nil }) {
            // Where the system gives no thread, those that are there do the work.
            _ = startWorker(worker)
        }
        return nil
    }

    private func startWorker(_ worker: Int) -> Bool {
        state.threads[worker] = WorkerThread(yields: computes) { [self] in work(as: worker) }
        return state.threads[worker] != nil
    }

    private func work(as worker: Int) {
        while true {
            while let (waiting, runner) = next(for: worker) { run(waiting, runner, worker) }
            if retire(worker) { return }
        }
    }

    private func run(_ waiting: WaitingJob, _ runner: any ModelRunner, _ worker: Int) {
        defer { monitor.locked { state.running[worker] = nil } }
        let now = time.now
        guard waiting.job.deadline > now, waiting.job.start() else {
            return end(waiting, now: now)
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

    /// Gives back what the worker keeps for each model; `true` when it is over, `false` when a job
    /// came meanwhile.
    private func retire(_ worker: Int) -> Bool {
        let (runners, isStopping) = monitor.locked {
            (state.queues.map(\.runner), state.isStopping)
        }
        if isStopping { return true }
        for runner in runners { runner.release(worker: worker) }
        return monitor.locked {
            guard state.waiting == 0 || state.isStopping else { return false }
            // Who stops the pool has taken the threads, and waits for this one.
            if !state.isStopping { state.threads[worker]?.detach() }
            state.threads[worker] = nil
            return true
        }
    }

    /// Waits for a job that this worker may take; `nil` when the pool stops, or when the worker has
    /// waited for so long that it is not needed.
    private func next(for worker: Int) -> (WaitingJob, any ModelRunner)? {
        monitor.locked {
            while !state.isStopping {
                if let found = take(.realtime, for: worker) { return found }
                if state.runningOthers < max(1, workers - 1),
                    let found = take(.other, for: worker)
                {
                    return found
                }
                state.isIdle[worker] = true
                let wasCalled = monitor.wait(at: worker, atMost: worker > 0 ? idle : nil)
                let isUnneeded = !wasCalled && state.isIdle[worker]
                state.isIdle[worker] = false
                if isUnneeded { return nil }
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
        state.running[worker] = (oldest.queue, lane, time.now)
        return (waiting, oldest.queue.runner)
    }
}
