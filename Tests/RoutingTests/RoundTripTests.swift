import Ground
import Testing

@testable import Routing

@Suite struct RoundTripTests {
    static let start = Instant(nanoseconds: 1_000_000_000)

    @Test func `Before a measurement the prior speaks`() {
        let trip = RoundTrip()
        #expect(trip.measured == nil)
        #expect(trip.cost(prior: .milliseconds(17), now: Self.start) == .milliseconds(17))
    }

    @Test func `A slow sample counts at once`() {
        var trip = RoundTrip()
        trip.observe(.milliseconds(5), now: Self.start)
        trip.observe(.milliseconds(90), now: Self.start + .milliseconds(1))
        #expect(trip.measured == .milliseconds(90))
    }

    @Test func `A fall is believed within two seconds, and not at once`() throws {
        var trip = RoundTrip()
        trip.observe(.milliseconds(120), now: Self.start)
        var now = Self.start
        for _ in 0..<8 {
            now = now + .milliseconds(200)
            trip.observe(.milliseconds(5), now: now)
            if now - Self.start == .milliseconds(200) {
                #expect(try #require(trip.measured) > .milliseconds(75))
            }
        }
        #expect(try #require(trip.measured) < .milliseconds(16))
        #expect(try #require(trip.measured) >= .milliseconds(5))
    }

    @Test func `Each refusal for overload doubles the cost, up to a second, and it fades`() {
        var trip = RoundTrip()
        trip.observe(.milliseconds(10), now: Self.start)
        for expected: Int64 in [20, 40, 80, 160, 320, 640, 1010, 1010] {
            trip.throttled(prior: .zero, now: Self.start)
            let cost = trip.cost(prior: .zero, now: Self.start)
            #expect(cost == .milliseconds(expected))
        }
        #expect(trip.measured == .milliseconds(10))
        var last = trip.cost(prior: .zero, now: Self.start)
        for second: Int64 in 1...40 {
            let cost = trip.cost(prior: .zero, now: Self.start + .seconds(second))
            #expect(cost < last)
            last = cost
        }
        #expect(last < .milliseconds(11))
    }

    @Test func `A refusal costs also where nothing was measured`() {
        var trip = RoundTrip()
        trip.throttled(prior: .milliseconds(30), now: Self.start)
        #expect(trip.cost(prior: .milliseconds(30), now: Self.start) == .milliseconds(60))
    }

    /// e^(−x) to twelve digits.
    @Test(
        arguments: [
            (0.0, 1.0), (0.001, 0.999000499833), (0.1, 0.904837418036), (0.5, 0.606530659713),
            (1, 0.367879441171), (2, 0.135335283237), (5, 0.006737946999),
            (10, 0.000045399930), (100, 0),
        ])
    func `Forgetting follows the exponential`(x: Double, exponential: Double) {
        let elapsed = Interval(nanoseconds: Int64(x * 1e9))
        let remaining = Decay.remaining(after: elapsed, constant: .seconds(1))
        #expect(abs(remaining - exponential) < 0.0002)
    }

    @Test func `Forgetting is monotone and stays within one and nothing`() {
        var last = 1.0
        for step: Int64 in 1...2000 {
            let remaining = Decay.remaining(
                after: .milliseconds(step * 10), constant: .seconds(1))
            #expect(remaining < last && remaining >= 0)
            last = remaining
        }
        #expect(Decay.remaining(after: .seconds(-5), constant: .seconds(1)) == 1)
        #expect(
            Decay.remaining(after: Interval(nanoseconds: .max), constant: .zero) < 1e-9)
    }
}
