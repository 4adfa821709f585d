internal import CLinux
internal import Glibc
internal import Synchronization

/// The half of a loop that other threads may use: it runs bodies on the loop's thread.
///
/// Bodies of one thread run in the order in which it posted them. A batch costs one wake-up: only
/// the post that finds the queue empty writes to the loop's event descriptor. It is our own and not
/// a `uv_async_t`: woken by a worker of its own core, libuv 1.44 spins until that worker, which it
/// keeps from running, has left `uv_async_send`. In a profile of a node on one core a seventh of
/// the loop's time went there.
public final class LoopPoster: Sendable {
    /// Bodies that may wait at a time. Each producer has its own bound far below (jobs, frames);
    /// a million waiting bodies mean that the loop is wedged, and memory must not follow it.
    public static let limit = 1_048_576

    private struct State {
        var bodies: [@Sendable () -> Void] = []
        var stopRequested = false
        var isOpen = true
    }

    private let state = Mutex(State())
    private let thread: Atomic<UInt>
    /// An eventfd, open for as long as anybody may post.
    private let wake: Int32

    /// - Parameter wake: an eventfd, from now on the poster's.
    init(wake: Int32) {
        self.wake = wake
        thread = Atomic(UInt(pthread_self()))
    }

    deinit { close(wake) }

    /// Whether the caller is on the loop's thread.
    public var isOnLoop: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Runs `body` on the loop, in a later turn. From any thread.
    ///
    /// False when the body will never run: the loop has ended, or `limit` bodies wait.
    @discardableResult
    public func post(_ body: @escaping @Sendable () -> Void) -> Bool {
        let place = state.withLock { state in
            guard state.isOpen, state.bodies.count < Self.limit else { return 0 }
            state.bodies.append(body)
            return state.bodies.count
        }
        // Not under the lock: the loop that wakes up would wait for it at once.
        if place == 1 { canopy_wake(wake) }
        return place > 0
    }

    /// Ends `Loop.run` after the bodies posted so far. From any thread.
    public func stop() {
        state.withLock { state in
            if state.isOpen { state.stopRequested = true }
        }
        canopy_wake(wake)
    }

    /// Whether the loop still takes bodies.
    var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Makes the caller's thread the loop's thread.
    func adoptThread() { thread.store(UInt(pthread_self()), ordering: .relaxed) }

    /// Exchanges the waiting bodies for `spare`, whose memory is used again.
    func takeBodies(into spare: inout [@Sendable () -> Void]) -> Bool {
        // First, so that a post after the exchange wakes the loop again.
        canopy_wake_clear(wake)
        return state.withLock { state in
            swap(&state.bodies, &spare)
            return state.stopRequested
        }
    }

    /// Refuses all later posts.
    func shut() { state.withLock { $0.isOpen = false } }
}

/// A value that only the loop's thread may touch, in a box that may cross threads.
///
/// A worker keeps the box and posts with it; using the value elsewhere traps. The value itself is
/// released wherever the last box is, so its `deinit` must not touch the loop.
public struct LoopConfined<Value>: @unchecked Sendable {
    // Unchecked: `value` is reached through `post` and the trap in `onLoop` only.
    private let value: Value
    public let poster: LoopPoster

    /// Confines `value` to the loop of `poster`; made on that loop.
    public init(_ value: Value, to poster: LoopPoster) {
        self.value = value
        self.poster = poster
    }

    /// The value; traps off the loop.
    public var onLoop: Value {
        precondition(poster.isOnLoop, "a value confined to a loop was used on another thread")
        return value
    }

    /// Runs `body` with the value on the loop; false when it will never run. From any thread.
    @discardableResult
    public func post(_ body: @escaping @Sendable (Value) -> Void) -> Bool {
        poster.post { body(onLoop) }
    }
}
