import Foundation
import Ground
import Testing

@testable import Simulation

@Suite struct ChanceTests {
    @Test func `Curves agree with the library's`() {
        for step in 1...2_000 {
            let x = Double(step) * 0.37
            #expect(abs(Curves.log(x) - log(x)) < 1e-9)
            #expect(abs(Curves.log(1 / x) - log(1 / x)) < 1e-9)
            let y = Double(step - 1_000) / 50
            #expect(abs(Curves.exp(y) / exp(y) - 1) < 1e-9)
        }
    }

    @Test func `Draws have the mean and the spread that they should`() {
        var draws = Randomness(seed: 3)
        let count = 50_000
        var (sum, squares, normal, normalSquares) = (0.0, 0.0, 0.0, 0.0)
        for _ in 0..<count {
            let waiting = draws.exponential()
            sum += waiting
            squares += waiting * waiting
            let deviation = draws.normal()
            normal += deviation
            normalSquares += deviation * deviation
        }
        let n = Double(count)
        #expect(abs(sum / n - 1) < 0.02 && abs(squares / n - 2) < 0.1)
        #expect(abs(normal / n) < 0.02 && abs(normalSquares / n - 1) < 0.03)
    }

    @Test func `A clock drifts and steps, and never goes back`() {
        let second: UInt64 = 1_000_000_000
        var clock = NodeClock(reading: 100 * second)
        clock.setDrift(200, now: 10 * second)
        #expect(clock.now(1_010 * second).nanoseconds == 1_110 * second + 200_000_000)
        clock.step(by: .seconds(-5), now: 1_010 * second)
        let stopped = clock.now(1_010 * second)
        #expect(clock.now(1_013 * second) == stopped)
        #expect(clock.now(1_020 * second) > stopped)
        clock.step(by: .seconds(30), now: 1_020 * second)
        #expect(clock.now(1_020 * second) - stopped > .seconds(34))
    }

    @Test(arguments: [-5_000, -1, 0, 200, 5_000])
    func `A timer rings when its clock says so, whatever the drift`(_ drift: Int) {
        var clock = NodeClock(reading: 5_000_000_000)
        clock.setDrift(drift, now: 1_000_000_000)
        for reading in stride(from: 7_000_000_001, to: 9_000_000_000_000, by: 123_456_789_123) {
            let alarm = Instant(nanoseconds: UInt64(reading))
            let moment = clock.world(of: alarm, now: 1_000_000_000)
            #expect(clock.now(moment) >= alarm)
            #expect(clock.now(moment - 2_000) < alarm)
        }
    }
}
