import Dispatch
import Synchronization

/// One value on its way from another thread.
final class Handover<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
    private let arrived = DispatchSemaphore(value: 0)

    /// Says that the value is there.
    func signal() { arrived.signal() }

    /// Waits for the value. Never on a loop that others wait for.
    func wait() -> Value {
        arrived.wait()
        return value.withLock { $0! }
    }
}
