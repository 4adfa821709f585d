import Ground
import Testing

@testable import Routing

@Suite struct CallWindowTests {
    @Test func `Totals are those of the last ten seconds whatever the steps`() {
        var random = Randomness(seed: 2)
        var window = CallWindow()
        var log: [(second: UInt64, calls: Int, marked: Int)] = []
        var nanoseconds: UInt64 = 0
        for _ in 0..<3000 {
            nanoseconds += random.next() % (random.next() % 20 == 0 ? 14_000_000_000 : 900_000_000)
            let entry = (nanoseconds / 1_000_000_000, random.draw(below: 5), random.draw(below: 2))
            window.add(calls: entry.1, marked: entry.2, now: Instant(nanoseconds: nanoseconds))
            log.append(entry)
            let recent = log.suffix(200).filter { $0.second + 10 > entry.0 }
            #expect(window.total.calls == recent.map(\.calls).reduce(0, +))
            #expect(window.total.marked == recent.map(\.marked).reduce(0, +))
        }
    }

    @Test func `A clock that steps back loses nothing`() {
        var window = CallWindow()
        window.add(calls: 1, marked: 1, now: Instant(nanoseconds: 50_000_000_000))
        window.add(calls: 1, marked: 0, now: Instant(nanoseconds: 3_000_000_000))
        #expect((window.total.calls, window.total.marked) == (2, 1))
    }
}
