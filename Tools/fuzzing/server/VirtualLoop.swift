package import Ground
package import HTTP
import Synchronization

/// A loop in virtual time: nothing happens but what the fuzzer makes happen.
package final class VirtualLoop: Network {
    private final class Clock: TimeSource {
        private let nanoseconds = Atomic<UInt64>(1_000_000_000)
        var now: Instant { Instant(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
        var wall: WallTime { WallTime(nanoseconds: Int64(now.nanoseconds)) }
        func set(_ instant: Instant) { nanoseconds.store(instant.nanoseconds, ordering: .relaxed) }
    }

    private final class Timer: ScheduledTimer {
        let at: Instant
        var body: (() -> Void)?
        init(at: Instant, body: @escaping () -> Void) {
            self.at = at
            self.body = body
        }
        func cancel() { body = nil }
    }

    private final class Posted: Sendable {
        let bodies = Mutex<[@Sendable () -> Void]>([])
    }

    private let clock = Clock()
    private let posted = Posted()
    private var bodies: [() -> Void] = []
    private var timers: [Timer] = []

    package init() {}

    package var time: any TimeSource { clock }

    package var hooks: LoopHooks {
        let posted = posted
        return LoopHooks(
            endOfTurn: { [unowned self] in bodies.append($0) },
            post: { body in posted.bodies.withLock { $0.append(body) } })
    }

    /// A server opens no connection.
    package func connect(
        to endpoint: Endpoint, timeout: Interval,
        completion: @escaping (Result<any Transport, Fault>) -> Void
    ) {
        completion(.failure(Fault(.unavailable, "there is nobody at \(endpoint)")))
    }

    package func schedule(
        after delay: Interval, _ body: @escaping () -> Void
    ) -> any ScheduledTimer {
        let timer = Timer(at: clock.now + delay, body: body)
        timers.append(timer)
        return timer
    }

    /// Runs what the turn's end and other threads wait for, until nothing is left.
    package func run() {
        while true {
            let now = bodies
            bodies = []
            let fromElsewhere = posted.bodies.withLock { all in
                defer { all = [] }
                return all
            }
            if now.isEmpty && fromElsewhere.isEmpty { return }
            for body in now { body() }
            for body in fromElsewhere { body() }
        }
    }

    /// Lets time pass, timer by timer.
    package func advance(_ interval: Interval) {
        let end = clock.now + interval
        while let next = timers.filter({ $0.body != nil && $0.at <= end })
            .min(by: { $0.at < $1.at })
        {
            clock.set(max(next.at, clock.now))
            timers.removeAll { $0 === next || $0.body == nil }
            next.body?()
            run()
        }
        clock.set(end)
    }
}
