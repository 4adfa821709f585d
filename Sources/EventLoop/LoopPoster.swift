internal import CLibuv
internal import Glibc
internal import Synchronization

/// The half of a loop that other threads may use: it runs bodies on the loop's thread.
///
/// Bodies of one thread run in the order in which it posted them. A batch costs one wake-up: only
/// the post that finds the queue empty writes to libuv's event descriptor.
public final class LoopPoster: Sendable {
    /// Bodies that may wait at a time. Each producer has its own bound far below (jobs, frames);
    /// a million waiting bodies mean that the loop is wedged, and memory must not follow it.
    public static let limit = 1_048_576

    private struct State {
        var bodies: [@Sendable () -> Void] = []
        var stopRequested = false
        var isOpen = true
        // The only thing that another thread does with it is uv_async_send, which is thread-safe,
        // and under the lock, so that never after `shut`.
        nonisolated(unsafe) let async: UnsafeMutablePointer<uv_async_t>
    }

    private let state: Mutex<State>
    private let thread: Atomic<UInt>

    init(async: UnsafeMutablePointer<uv_async_t>) {
        nonisolated(unsafe) let async = async
        state = Mutex(State(async: async))
        thread = Atomic(UInt(pthread_self()))
    }

    /// Whether the caller is on the loop's thread.
    public var isOnLoop: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Runs `body` on the loop, in a later turn. From any thread.
    ///
    /// False when the body will never run: the loop has ended, or `limit` bodies wait.
    @discardableResult
    public func post(_ body: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard state.isOpen, state.bodies.count < Self.limit else { return false }
            state.bodies.append(body)
            if state.bodies.count == 1 { uv_async_send(state.async) }
            return true
        }
    }

    /// Ends `Loop.run` after the bodies posted so far. From any thread.
    public func stop() {
        state.withLock { state in
            guard state.isOpen else { return }
            state.stopRequested = true
            uv_async_send(state.async)
        }
    }

    /// Whether the loop still takes bodies.
    var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Makes the caller's thread the loop's thread.
    func adoptThread() { thread.store(UInt(pthread_self()), ordering: .relaxed) }

    /// Exchanges the waiting bodies for `spare`, whose memory is used again.
    func takeBodies(into spare: inout [@Sendable () -> Void]) -> Bool {
        state.withLock { state in
            swap(&state.bodies, &spare)
            return state.stopRequested
        }
    }

    /// Refuses all later posts; afterwards the async handle may be closed.
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
