internal import Glibc
internal import Ground

/// A lock with places to wait at. Held for a few instructions only; no caller's code runs under it.
final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let conditions: UnsafeMutableBufferPointer<pthread_cond_t>

    /// - Parameter places: how many may wait, each woken by itself.
    init(places: Int = 1) {
        pthread_mutex_init(mutex, nil)
        conditions = .allocate(capacity: places)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        for index in 0..<places {
            pthread_cond_init(conditions.baseAddress! + index, &attributes)
        }
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        for index in conditions.indices {
            pthread_cond_destroy(conditions.baseAddress! + index)
        }
        pthread_mutex_destroy(mutex)
        conditions.deallocate()
        mutex.deallocate()
    }

    func locked<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Lets the lock go until somebody wakes the place, or until the time is over: then `false`.
    /// Only under the lock.
    @discardableResult
    func wait(at place: Int = 0, atMost limit: Interval? = nil) -> Bool {
        let condition = conditions.baseAddress! + place
        guard let limit else {
            pthread_cond_wait(condition, mutex)
            return true
        }
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        let nanoseconds = Int64(end.tv_nsec) + max(0, limit.nanoseconds)
        end.tv_sec += Int(nanoseconds / 1_000_000_000)
        end.tv_nsec = Int(nanoseconds % 1_000_000_000)
        return pthread_cond_timedwait(condition, mutex, &end) != ETIMEDOUT
    }

    /// Wakes who waits at a place; with the lock or after it.
    func wake(_ place: Int = 0) { pthread_cond_broadcast(conditions.baseAddress! + place) }

    /// Wakes all who wait.
    func wakeAll() { for place in conditions.indices { wake(place) } }
}

/// A thread of our own.
final class WorkerThread: @unchecked Sendable {
    /// How much nicer a thread that computes is than those that answer. Where a loop and a worker
    /// share a core, an equal worker keeps it for whole ticks of the scheduler: a loop that needs
    /// half of the core was seen 14 ms late, and 0.1 ms with this. Against 10 the loop may have
    /// nine tenths of the core as soon as it wants them, and takes what it needs: refusing costs
    /// little.
    /// The worker has all the rest, and a tenth whatever comes.
    static let niceness: Int32 = 10

    private var thread = pthread_t()
    private let body: @Sendable () -> Void

    /// Starts a thread that runs `body`; `nil` when the system gives none.
    ///
    /// - Parameter yields: whether it computes, and so gives way to those that answer.
    init?(yields: Bool = false, _ body: @escaping @Sendable () -> Void) {
        self.body = {
            if yields { Self.giveWay() }
            body()
        }
        let start = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                Unmanaged<WorkerThread>.fromOpaque(raw).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        guard status == 0 else {
            start.release()
            return nil
        }
    }

    /// How nice the calling thread is: on Linux threads have a niceness each.
    static var ownNiceness: Int32 { getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) }

    /// Refused, the thread is as before.
    private static func giveWay() {
        let most: Int32 = 19
        setpriority(
            __priority_which_t(PRIO_PROCESS.rawValue), 0, min(ownNiceness + niceness, most))
    }

    /// Waits until the thread has ended. Once.
    func join() { pthread_join(thread, nil) }

    /// Nobody will wait for it.
    func detach() { pthread_detach(thread) }
}
