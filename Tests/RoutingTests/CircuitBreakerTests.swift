import Ground
import Testing

@testable import Routing

/// A breaker with its clock and its dice, driven by short words.
struct BreakerBench {
    var breaker: CircuitBreaker
    var now = Instant(nanoseconds: 100_000_000_000)
    var random = Randomness(seed: 3)
    let expected = Interval.milliseconds(20)

    init(_ settings: CircuitBreaker.Settings = .init()) { breaker = CircuitBreaker(settings) }

    var state: CircuitBreaker.State { breaker.state(now: now) }

    mutating func wait(_ interval: Interval) { now = now + interval }

    /// One call that takes `took`; `false` when the breaker refused it.
    @discardableResult
    mutating func call(_ outcome: AttemptOutcome, took: Interval = .zero) -> Bool {
        guard let attempt = breaker.admit(now: now) else { return false }
        wait(took)
        settle(attempt, outcome)
        return true
    }

    /// A call that the breaker must let through.
    mutating func admit() throws -> CircuitBreaker.Attempt {
        let attempt = breaker.admit(now: now)
        return try #require(attempt)
    }

    mutating func settle(_ attempt: CircuitBreaker.Attempt, _ outcome: AttemptOutcome) {
        breaker.settle(attempt, outcome, expected: expected, now: now, random: &random)
    }

    mutating func calls(_ count: Int, _ outcome: AttemptOutcome) {
        for _ in 0..<count { call(outcome) }
    }

    /// Seconds that the open breaker stays open from now.
    var openFor: Double? { breaker.opensUntil.map { ($0 - now).seconds } }

    /// Waits until the open time is over.
    mutating func waitOpen() { if let until = breaker.opensUntil { now = until } }
}

@Suite struct CircuitBreakerTests {
    @Test func `Five failures in a row open it, four do not`() {
        var bench = BreakerBench()
        bench.calls(4, .failed)
        #expect(bench.state == .closed)
        bench.calls(1, .answered)
        bench.calls(4, .failed)
        #expect(bench.state == .closed)
        bench.call(.timedOut, took: .milliseconds(30))
        #expect(bench.state == .open)
        let isCalled = bench.call(.answered)
        #expect(!isCalled)
    }

    @Test func `Half of twenty calls in ten seconds open it`() {
        var bench = BreakerBench()
        for _ in 0..<9 {
            bench.call(.failed)
            bench.call(.answered)
        }
        bench.call(.answered)
        #expect(bench.state == .closed)
        bench.call(.failed)
        #expect(bench.state == .open)
    }

    @Test func `Fewer than half never open it by share`() {
        var bench = BreakerBench()
        for index in 0..<3000 {
            bench.call(index % 5 < 2 ? .failed : .answered)
            bench.wait(.milliseconds(3))
            #expect(bench.state == .closed)
        }
    }

    @Test func `Failures older than ten seconds are forgotten`() {
        var bench = BreakerBench()
        for _ in 0..<9 {
            bench.call(.failed)
            bench.call(.answered)
        }
        bench.wait(.seconds(10))
        for _ in 0..<9 {
            bench.call(.failed)
            bench.call(.answered)
        }
        #expect(bench.state == .closed)
        bench.wait(.seconds(9))
        bench.call(.failed)
        bench.call(.failed)
        #expect(bench.state == .open)
    }

    @Test(
        arguments: [
            (AttemptOutcome.rejected, Interval.zero), (.throttled, .zero),
            (.abandoned, .milliseconds(39)), (.timedOut, .milliseconds(29)),
        ])
    func `What says nothing against the endpoint is neutral`(
        outcome: AttemptOutcome, took: Interval
    ) {
        var bench = BreakerBench()
        bench.calls(4, .failed)
        for _ in 0..<50 { bench.call(outcome, took: took) }
        #expect(bench.state == .closed)
        bench.call(.failed)
        #expect(bench.state == .open)
    }

    @Test func `A caller that waited twice the average in vain was failed`() {
        var bench = BreakerBench()
        for _ in 0..<5 { bench.call(.abandoned, took: .milliseconds(40)) }
        #expect(bench.state == .open)
    }

    @Test func `The time open doubles from one second to sixty, within a fifth`() throws {
        var bench = BreakerBench()
        bench.calls(5, .failed)
        for nominal in [1.0, 2, 4, 8, 16, 32, 60, 60, 60] {
            let open = try #require(bench.openFor)
            #expect(open >= 0.8 * nominal && open <= 1.2 * nominal)
            bench.wait(Interval(nanoseconds: Int64(open * 1e9) - 1000))
            #expect(bench.state == .open)
            bench.waitOpen()
            #expect(bench.state == .halfOpen)
            bench.call(.failed)
            #expect(bench.state == .open)
        }
    }

    @Test func `The time open is spread over the whole fifth`() throws {
        var bench = BreakerBench()
        var times: [Double] = []
        for _ in 0..<400 {
            bench.calls(5, .failed)
            times.append(try #require(bench.openFor))
            bench.waitOpen()
            bench.call(.answered)
        }
        let (least, most) = (try #require(times.min()), try #require(times.max()))
        #expect(least >= 0.8 && least < 0.81 && most <= 1.2 && most > 1.19)
    }

    @Test func `Half-open lets one call through at a time`() throws {
        var bench = BreakerBench()
        bench.calls(5, .failed)
        bench.waitOpen()
        let probe = try bench.admit()
        #expect(!bench.breaker.allows(now: bench.now))
        let refused = bench.breaker.admit(now: bench.now)
        #expect(refused == nil)
        bench.settle(probe, .rejected)
        #expect(bench.state == .halfOpen)
        let second = try bench.admit()
        bench.settle(second, .answered)
        #expect(bench.state == .closed)
    }

    @Test func `As many successes as set close it`() {
        var settings = CircuitBreaker.Settings()
        settings.halfOpenSuccesses = 3
        var bench = BreakerBench(settings)
        bench.calls(5, .failed)
        bench.waitOpen()
        bench.calls(2, .answered)
        #expect(bench.state == .halfOpen)
        bench.call(.answered)
        #expect(bench.state == .closed)
    }

    @Test func `Late replies are ignored`() throws {
        var bench = BreakerBench()
        var old: [CircuitBreaker.Attempt] = []
        for _ in 0..<12 { old.append(try bench.admit()) }
        for attempt in old[0..<5] { bench.settle(attempt, .failed) }
        let until = bench.breaker.opensUntil
        bench.settle(old[5], .answered)
        bench.settle(old[6], .failed)
        #expect(bench.state == .open && bench.breaker.opensUntil == until)
        bench.waitOpen()
        let probe = try bench.admit()
        bench.settle(old[7], .answered)
        bench.settle(old[8], .failed)
        #expect(bench.state == .halfOpen)
        bench.settle(probe, .answered)
        for attempt in old[9...] { bench.settle(attempt, .failed) }
        bench.calls(4, .failed)
        #expect(bench.state == .closed)
    }

    @Test func `A lost call does not hold a half-open breaker for ever`() throws {
        var bench = BreakerBench()
        bench.calls(5, .failed)
        bench.waitOpen()
        let lost = try bench.admit()
        bench.wait(.milliseconds(59_999))
        #expect(!bench.breaker.allows(now: bench.now))
        bench.wait(.milliseconds(1))
        let next = try bench.admit()
        bench.settle(lost, .failed)
        #expect(bench.state == .halfOpen)
        bench.settle(next, .answered)
        #expect(bench.state == .closed)
    }

    @Test func `One clean period is forgiven once, however many calls see it`() throws {
        var bench = BreakerBench()
        bench.calls(5, .failed)
        for _ in 0..<3 {
            bench.waitOpen()
            bench.call(.failed)
        }
        bench.waitOpen()
        bench.call(.answered)
        bench.wait(.seconds(10))
        bench.calls(50, .answered)
        bench.calls(5, .failed)
        let open = try #require(bench.openFor)
        #expect(open >= 0.8 * 4 && open <= 1.2 * 4)
    }

    @Test(arguments: [(9, 8.0), (10, 4.0), (19, 4.0), (20, 2.0), (30, 1.0), (500, 1.0)])
    func `The time open is forgiven step by step with each clean ten seconds`(
        clean: Int64, nominal: Double
    ) throws {
        var bench = BreakerBench()
        bench.calls(5, .failed)
        for _ in 0..<3 {
            bench.waitOpen()
            bench.call(.failed)
        }
        bench.waitOpen()
        bench.call(.answered)
        bench.wait(.seconds(clean))
        bench.calls(5, .failed)
        let open = try #require(bench.openFor)
        #expect(open >= 0.8 * nominal && open <= 1.2 * nominal)
    }
}

@Suite struct ExpectedAnswerTests {
    @Test func `Slow answers excuse calls that time out only while there are any`() {
        let start = Instant(nanoseconds: 1_000_000_000)
        var peer = Peer(prior: .milliseconds(20))
        #expect(peer.expected(.timedOut, now: start) == .milliseconds(20))
        peer.answered(after: .milliseconds(400), now: start)
        let soon = peer.expected(.timedOut, now: start + .seconds(9))
        let late = peer.expected(.timedOut, now: start + .seconds(11))
        #expect(soon == .milliseconds(400) && late == .milliseconds(20))
        // Nobody answers any more: 450 ms of a deadline of 500 are held against it then.
        let waited = Interval.milliseconds(450)
        #expect(!AttemptOutcome.timedOut.isHeld(after: waited, expected: soon))
        #expect(AttemptOutcome.timedOut.isHeld(after: waited, expected: late))
        // A caller that goes away after less than that says as little as ever.
        let given = peer.expected(.abandoned, now: start + .seconds(11))
        #expect(given == .milliseconds(400))
    }
}
