internal import CLinux
internal import Glibc
public import Ground
internal import Synchronization

/// A loop on a thread of its own.
public final class LoopThread: Sendable {
    /// The half of its loop that this and other threads may use.
    public let poster: LoopPoster
    private let thread: pthread_t
    /// Whether somebody has joined the thread, or let it go.
    private let isReaped = Atomic<Bool>(false)

    /// Starts a thread called `name` (the kernel keeps 15 bytes), makes its loop there, calls
    /// `setUp` with it and runs it until `stop`. Returns when `setUp` has; throws what it threw.
    public init(
        name: String, setUp: @escaping @Sendable (Loop) throws(Fault) -> Void
    ) throws(Fault) {
        let start = ThreadStart(name: name, setUp: setUp)
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(start)
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<ThreadStart>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        guard status == 0 else {
            retained.release()
            throw Fault.uv(-status, "starting the thread \(name)")
        }
        switch start.awaitResult() {
        case .success(let poster):
            self.poster = poster
            self.thread = thread
        case .failure(let fault):
            pthread_join(thread, nil)
            throw fault
        }
    }

    /// Asks the loop to end; from any thread.
    public func stop() { poster.stop() }

    /// Waits for the thread's end, which `stop` brings about. On the thread itself, and from the
    /// second time on, it returns at once.
    public func join() {
        if isReaped.exchange(true, ordering: .relaxed) { return }
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
    }

    /// Nobody can join any more: the system takes the thread back when it ends.
    deinit {
        if !isReaped.load(ordering: .relaxed) { pthread_detach(thread) }
    }
}

/// What the new thread needs, and what it answers.
private final class ThreadStart: @unchecked Sendable {
    // Unchecked: `result` is written by the new thread before the semaphore is posted and read by
    // the starting thread after it was.
    private let name: String
    private let setUp: @Sendable (Loop) throws(Fault) -> Void
    private var result: Result<LoopPoster, Fault>?
    private let ready = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init(name: String, setUp: @escaping @Sendable (Loop) throws(Fault) -> Void) {
        self.name = name
        self.setUp = setUp
        sem_init(ready, 0, 0)
    }

    deinit {
        sem_destroy(ready)
        ready.deallocate()
    }

    func awaitResult() -> Result<LoopPoster, Fault> {
        while sem_wait(ready) != 0 {}
        return result!
    }

    func run() {
        canopy_name_thread(String(decoding: name.utf8.prefix(15), as: UTF8.self))
        do throws(Fault) {
            let loop = try Loop()
            try setUp(loop)
            result = .success(loop.poster)
            sem_post(ready)
            loop.run()
        } catch {
            result = .failure(error)
            sem_post(ready)
        }
    }
}
