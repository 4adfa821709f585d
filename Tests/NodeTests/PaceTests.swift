import Ground
import Testing

@testable import Node

@Suite struct PaceTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    @Test func `A backlog goes up at its rate, whatever the size of its batches`() {
        var pace = Pace(bitsPerSecond: 80_000, now: start)
        var now = start
        var sent = 0
        for size in [3_000, 20_000, 500, 9_000, 40_000, 100] {
            now = now + pace.pause(now: now)
            pace.spend(size, now: now)
            sent += size
        }
        now = now + pace.pause(now: now)
        let seconds = (now - start).seconds
        // 10,000 bytes a second, and a second's worth at once.
        #expect(abs(Double(sent) - 10_000 * (seconds + 1)) < 10)
    }

    @Test func `What was not used is not saved up`() {
        var pace = Pace(bitsPerSecond: 80_000, now: start)
        let later = start + .seconds(3_600)
        pace.spend(20_000, now: later)
        #expect(pace.pause(now: later).milliseconds.rounded() == 1_000)
    }

    @Test func `Queues take turns, the highest first, and none that is empty`() {
        var turns = Turns()
        let first = (0..<7).map { _ in turns.next { [0, 1, 4].contains($0) } }
        #expect(first == [4, 1, 0, 4, 1, 0, 4])
        #expect(turns.next { _ in false } == nil)
    }
}
