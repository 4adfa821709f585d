internal import CLibuv
public import Ground

extension Loop {
    /// Pieces of work that may wait or run at a time. They are control-plane work (files, keys); a
    /// thousand behind four threads means that something is stuck.
    public static let offLoopLimit = 1_024

    /// Runs blocking `work` on libuv's worker threads (four, unless UV_THREADPOOL_SIZE says
    /// otherwise), then `completion` with its result on the loop. When the loop ends first, work
    /// that has not begun is skipped and no completion is called. Fault: `offLoopLimit` is reached.
    public func offLoop<Result: Sendable>(
        _ work: @escaping @Sendable () -> Result, completion: @escaping (Result) -> Void
    ) throws(Fault) {
        assertOnLoop()
        guard pendingWork < Self.offLoopLimit else {
            throw Fault(
                .exhausted, "\(pendingWork) pieces of blocking work already wait for a thread",
                retry: .after(.seconds(1)))
        }
        let slot = ResultSlot<Result>()
        let poster = poster
        let job = OffLoopJob(
            work: { if poster.isOpen { slot.value = work() } },
            completion: { if let value = slot.value { completion(value) } }, loop: self)
        let retained = Unmanaged.passRetained(job)
        job.request.pointee.data = retained.toOpaque()
        let status = uv_queue_work(
            uv, job.request, { owner($0!.pointee.data, as: OffLoopJob.self).work() },
            { request, _ in
                Unmanaged<OffLoopJob>.fromOpaque(request!.pointee.data).takeRetainedValue().finish()
            })
        guard status == 0 else {
            retained.release()
            throw Fault.uv(status, "handing work to a thread")
        }
        pendingWork += 1
    }
}

/// Work on its way to a worker thread and back.
private final class OffLoopJob {
    let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)
    let work: @Sendable () -> Void
    private let completion: () -> Void
    private let loop: Loop

    init(work: @escaping @Sendable () -> Void, completion: @escaping () -> Void, loop: Loop) {
        self.work = work
        self.completion = completion
        self.loop = loop
    }

    deinit { request.deallocate() }

    func finish() {
        loop.pendingWork -= 1
        if !loop.isEnding { completion() }
    }
}

/// Where a worker leaves its result.
private final class ResultSlot<Value: Sendable>: @unchecked Sendable {
    // Unchecked: the worker writes before libuv hands the job back, the loop reads after that.
    var value: Value?
}
