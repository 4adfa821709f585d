import Ground
import Testing

@testable import Alerts

@Suite struct OutboxTests {
    private var random = Randomness(seed: 1)

    private func outbox(limit: Int = 8, window: Int = 3, inBatches: Bool = false) -> Outbox {
        var made = Outbox(Outbox.Settings(limit: limit, window: window, inBatches: inBatches))
        made.opened()
        return made
    }

    private func numbers(_ letters: [Outbox.Letter]) -> [UInt64] { letters.map(\.number) }

    @Test func `Letters leave in order, as many as the window takes`() {
        var box = outbox()
        for number in 0..<5 { box.post(.numbered(number)) }
        #expect(numbers(box.next(now: .at(0))) == [0, 1, 2])
        #expect(box.next(now: .at(0)).isEmpty)
        #expect(box.delivered(1)?.alert.number == 1)
        #expect(numbers(box.next(now: .at(0))) == [3])
        #expect(box.delivered(1) == nil, "an answer that comes twice counts once")
        #expect(box.count == 4 && box.counts.delivered == 1)
    }

    @Test func `Nothing leaves before the sink is open`() {
        var box = Outbox(Outbox.Settings(limit: 4, window: 2, inBatches: false))
        box.post(.numbered(0))
        #expect(box.next(now: .at(0)).isEmpty && box.due == nil)
        box.opened()
        #expect(numbers(box.next(now: .at(0))) == [0])
    }

    @Test func `What a lost connection had is sent again first, and in order`() {
        var box = outbox()
        for number in 0..<5 { box.post(.numbered(number)) }
        _ = box.next(now: .at(0))
        _ = box.delivered(0)
        box.closed()
        #expect(box.next(now: .at(0)).isEmpty)
        #expect(box.delivered(1) == nil, "an answer of the earlier connection changes nothing")
        box.opened()
        let again = box.next(now: .at(1))
        #expect(numbers(again) == [1, 2, 3] && again.map(\.attempts) == [2, 2, 1])
        #expect(box.counts.retried == 2)
    }

    @Test mutating func `A failure is followed by a wait that grows to its bound and then ends`() {
        var box = outbox(inBatches: true)
        box.post(.numbered(0))
        var now = Instant.at(1)
        var waits: [Double] = []
        for _ in 0..<10 {
            #expect(numbers(box.next(now: now)) == [0])
            box.failed(after: nil, now: now, random: &random)
            let due = box.due!
            #expect(box.next(now: due + .nanoseconds(-1)).isEmpty)
            waits.append((due - now).seconds)
            now = due
        }
        #expect(waits[0] >= 0.2 && waits[0] <= 0.3)
        #expect(waits[1] > waits[0] && waits[3] > waits[2])
        #expect(waits.allSatisfy { $0 <= Backoff.longest.seconds * 1.2 } && waits[9] >= 12)
        #expect(numbers(box.next(now: now)) == [0])
        _ = box.delivered(0)
        box.post(.numbered(1))
        #expect(numbers(box.next(now: now)) == [1], "after a success nothing waits")
    }

    @Test mutating func `A sink may ask for a longer wait`() {
        var box = outbox()
        box.post(.numbered(0))
        _ = box.next(now: .at(1))
        box.failed(after: .seconds(60), now: .at(1), random: &random)
        #expect(box.due == .at(61))
    }

    @Test func `When all room is taken the oldest is dropped and the next one tells of it`() {
        var box = outbox(limit: 4, window: 1)
        for number in 0..<4 { box.post(.numbered(number)) }
        #expect(numbers(box.next(now: .at(0))) == [0])
        box.post(.numbered(4))
        box.post(.numbered(5))
        #expect(box.count == 4 && box.counts.dropped == 2)
        _ = box.delivered(0)
        let next = box.next(now: .at(0))
        #expect(numbers(next) == [3] && next[0].lost == 2, "1 and 2 are gone; 0 was at the sink")
        _ = box.delivered(3)
        #expect(box.next(now: .at(0)).map(\.lost) == [0])
    }

    @Test func `A batch is answered as one, and what came meanwhile is the next one`() {
        var box = outbox(inBatches: true)
        box.post(.numbered(0))
        #expect(numbers(box.next(now: .at(0))) == [0])
        for number in 1..<6 { box.post(.numbered(number)) }
        #expect(box.next(now: .at(0)).isEmpty)
        _ = box.delivered(0)
        #expect(numbers(box.next(now: .at(0))) == [1, 2, 3])
    }

    @Test func `Of a batch that is refused only the letter at fault is given up`() {
        var box = outbox(inBatches: true)
        for number in 0..<4 { box.post(.numbered(number)) }
        #expect(numbers(box.next(now: .at(0))) == [0, 1, 2])
        #expect(box.refused(0) == nil, "nobody knows yet which one it is")
        #expect(numbers(box.next(now: .at(0))) == [0])
        _ = box.delivered(0)
        #expect(numbers(box.next(now: .at(0))) == [1, 2])
        #expect(box.refused(1) == nil)
        #expect(numbers(box.next(now: .at(0))) == [1])
        #expect(box.refused(1)?.number == 1)
        let rest = box.next(now: .at(0))
        #expect(numbers(rest) == [2] && rest[0].lost == 1 && box.counts.refused == 1)
    }

    /// Whatever a sink does, each alert is delivered, dropped or given up, order holds, and what
    /// the receiver hears is the whole truth about what it did not get.
    @Test(arguments: 0..<40)
    func `Nothing is lost without a word, whatever the sink does`(_ seed: Int) {
        var dice = Randomness(seed: UInt64(seed))
        var random = Randomness(seed: ~UInt64(seed))
        let limit = 8 + Int(dice.next() % 30)
        var box = Outbox(
            Outbox.Settings(
                limit: limit, window: 2 + Int(dice.next() % 3), inBatches: seed % 2 == 0))
        var now = Instant.at(0)
        var atSink: [Outbox.Letter] = []
        var received: [UInt64: Int] = [:]
        var order: [UInt64] = []

        func step(_ calm: Bool) {
            now = now + .milliseconds(Int64(dice.next() % 4_000))
            switch calm ? 4 : dice.next() % 8 {
            case 0...2: if !calm { box.post(.numbered(box.counts.posted)) }
            case 3:
                box.closed()
                atSink = []
            case 5:
                box.failed(after: nil, now: now, random: &random)
                atSink = []
            case 6:
                if let letter = atSink.first {
                    _ = box.refused(letter.number)
                    atSink = seed % 2 == 0 ? [] : Array(atSink.dropFirst())
                }
            default:
                box.opened()
                for letter in atSink {
                    // The receiver has it; the answer may be lost, and then it comes again.
                    if received.updateValue(letter.lost, forKey: letter.number) == nil {
                        order.append(letter.number)
                    }
                    if calm || dice.next() % 4 > 0 { _ = box.delivered(letter.number) }
                }
                atSink = []
            }
            atSink += box.next(now: now)
            #expect(box.count <= limit)
        }

        for _ in 0..<600 { step(false) }
        box.closed()
        atSink = []
        box.post(.numbered(box.counts.posted))
        while box.count > 0 {
            now = now + .seconds(20)
            step(true)
        }
        let counts = box.counts
        #expect(counts.posted == counts.delivered + counts.dropped + counts.refused)
        #expect(counts.posted > 100 && counts.retried > 0)
        #expect(order == order.sorted())
        // The receiver counts by id: what it has and what it was told of is everything. An alert
        // that it got, and whose answers were all lost until it was dropped, it knows twice.
        let known = received.count + received.values.reduce(0, +)
        #expect(known >= counts.posted)
    }
}
