internal import Glibc

/// A lock with something to wait for. Held for a few instructions only; no caller's code runs under
/// it.
final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func locked<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Lets the lock go until somebody signals. Only under the lock.
    func wait() { pthread_cond_wait(condition, mutex) }

    /// Wakes one who waits.
    func signal() { pthread_cond_signal(condition) }

    /// Wakes all who wait.
    func broadcast() { pthread_cond_broadcast(condition) }
}

/// A thread of our own.
final class WorkerThread: @unchecked Sendable {
    private var thread = pthread_t()
    private let body: @Sendable () -> Void

    /// Starts a thread that runs `body`; `nil` when the system gives none.
    init?(_ body: @escaping @Sendable () -> Void) {
        self.body = body
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

    /// Waits until the thread has ended. Once.
    func join() { pthread_join(thread, nil) }
}
