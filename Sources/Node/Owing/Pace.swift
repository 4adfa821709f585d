internal import Ground

/// How fast a backlog may go up: so many bytes a second, a second's worth at once. Pure.
struct Pace: Sendable {
    /// Bytes a second.
    let rate: Int
    private var tokens: Double
    private var at: Instant

    init(bitsPerSecond: Int, now: Instant) {
        rate = max(bitsPerSecond / 8, 1)
        tokens = Double(rate)
        at = now
    }

    /// Takes note that `bytes` were sent. A batch may be larger than what there was: the next one
    /// then waits for longer.
    mutating func spend(_ bytes: Int, now: Instant) {
        fill(now)
        tokens -= Double(bytes)
    }

    /// How long to wait before the next batch; zero is not at all.
    mutating func pause(now: Instant) -> Interval {
        fill(now)
        guard tokens < 0 else { return .zero }
        return .nanoseconds(Int64(-tokens / Double(rate) * 1e9) + 1)
    }

    /// What the next batch should be at most: what there is, so that a backlog that goes up at its
    /// rate goes in small steps and the node is never busy with it for long, and one that waits for
    /// a far node's acknowledgements in large ones.
    ///
    /// - Parameter least: what a batch is worth its call for.
    mutating func allowance(now: Instant, least: Int) -> Int {
        fill(now)
        return max(Int(tokens), least, rate / Self.steps)
    }

    /// Steps a second of a backlog that goes up at its rate; beyond that calls and syncs cost more
    /// than smaller steps save.
    private static let steps = 8

    private mutating func fill(_ now: Instant) {
        guard now > at else { return }
        tokens = min(tokens + (now - at).seconds * Double(rate), Double(rate))
        at = now
    }
}

/// Which queue is next: all that have something take turns, the highest first, so that neither
/// results nor frames keep the other waiting. Pure.
struct Turns: Sendable {
    private static let order: [Int] = [4, 3, 2, 1, 0]
    private var last = Turns.order.count - 1

    /// - Parameter isDue: whether the queue of an index has something to send.
    mutating func next(_ isDue: (Int) -> Bool) -> Int? {
        for step in 1...Self.order.count {
            let place = (last + step) % Self.order.count
            if isDue(Self.order[place]) {
                last = place
                return Self.order[place]
            }
        }
        return nil
    }
}
