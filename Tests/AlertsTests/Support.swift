import Ground

@testable import Alerts

extension Alert {
    /// A detection that is told from others by its number.
    static func numbered(_ number: Int, since: Instant = Instant(nanoseconds: 0)) -> Alert {
        Alert(
            id: "leaf/meter/cam/\(number)", origin: .leaf, time: WallTime(nanoseconds: 0),
            since: since,
            content: .detection(
                Detection(
                    task: "meter", label: "9", confidence: 0.99, threshold: 0.98, stream: "cam",
                    sequence: number)))
    }

    /// Its number.
    var number: Int? {
        if case .detection(let detection) = content { detection.sequence } else { nil }
    }
}

extension AlertOrigin {
    static let leaf = AlertOrigin(node: "leaf", tier: "leaf", site: "mill")
}

extension Instant {
    static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64(seconds * 1e9)) }
}

extension Fault {
    static let test = Fault(.unavailable, "a test wants it so")
}

/// Timers in virtual time; connecting is what a test says it is.
final class TestNetwork: Network {
    final class Clock: TimeSource, @unchecked Sendable {
        // Unchecked: one test, one thread.
        var now = Instant(nanoseconds: 1_000_000_000)
        var wall: WallTime { WallTime(nanoseconds: Int64(now.nanoseconds)) }
    }

    final class Timer: ScheduledTimer {
        let at: Instant
        var body: (() -> Void)?
        init(at: Instant, body: @escaping () -> Void) {
            self.at = at
            self.body = body
        }
        func cancel() { body = nil }
    }

    let clock = Clock()
    var time: any TimeSource { clock }
    var onConnect: (() -> Result<any Transport, Fault>?)?
    private var timers: [Timer] = []

    func connect(
        to endpoint: Endpoint, timeout: Interval,
        completion: @escaping (Result<any Transport, Fault>) -> Void
    ) {
        if let result = onConnect?() { completion(result) }
    }

    func schedule(after delay: Interval, _ body: @escaping () -> Void) -> any ScheduledTimer {
        let timer = Timer(at: clock.now + delay, body: body)
        timers.append(timer)
        return timer
    }

    /// Lets time pass, timer by timer.
    func advance(_ interval: Interval) {
        let end = clock.now + interval
        while let next = timers.filter({ $0.body != nil && $0.at <= end })
            .min(by: { $0.at < $1.at })
        {
            clock.now = max(next.at, clock.now)
            timers.removeAll { $0 === next || $0.body == nil }
            next.body?()
        }
        clock.now = end
    }
}
