internal import Ground

/// Calls of the last ten seconds and the marked ones among them (failures, retries), in ten buckets
/// of one second: the current second, which has only begun, and the nine before it.
struct CallWindow: Sendable {
    struct Bucket: Sendable {
        var calls = 0
        var marked = 0
    }

    /// Ten buckets of 1 s: a window that slides in steps of a tenth of its length.
    private static let length: UInt64 = 10

    private var buckets = InlineArray<10, Bucket>(repeating: Bucket())
    private var second: UInt64 = 0
    private(set) var total = Bucket()

    /// The current second's counts, as of the last `advance`.
    var current: Bucket { buckets[Int(second % Self.length)] }

    /// Drops what is older than the window.
    mutating func advance(to now: Instant) {
        let present = now.nanoseconds / 1_000_000_000
        guard present > second else { return }
        if present - second >= Self.length {
            buckets = InlineArray(repeating: Bucket())
            total = Bucket()
        } else {
            for passed in (second + 1)...present {
                let slot = Int(passed % Self.length)
                total.calls -= buckets[slot].calls
                total.marked -= buckets[slot].marked
                buckets[slot] = Bucket()
            }
        }
        second = present
    }

    mutating func add(calls: Int, marked: Int, now: Instant) {
        advance(to: now)
        let slot = Int(second % Self.length)
        buckets[slot].calls += calls
        buckets[slot].marked += marked
        total.calls += calls
        total.marked += marked
    }

    mutating func clear() {
        buckets = InlineArray(repeating: Bucket())
        total = Bucket()
    }
}
