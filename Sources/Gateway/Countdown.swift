import Synchronization

/// Calls a body when it was hit as often as it was told; at once when that is never. From any
/// thread.
final class Countdown: Sendable {
    private let left: Mutex<Int>
    private let body: @Sendable () -> Void

    init(left: Int, _ body: @escaping @Sendable () -> Void) {
        self.left = Mutex(left)
        self.body = body
        if left == 0 { body() }
    }

    func hit() {
        let isLast = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isLast { body() }
    }
}
