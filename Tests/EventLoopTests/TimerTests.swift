import Ground
import Testing

@testable import EventLoop

@Test func `Timers fire in the order of their moments, and cancelled ones never`() throws {
    var order: [Int] = []
    try onLoop { loop in
        let start = loop.time.now
        func at(_ milliseconds: Int64, _ body: @escaping () -> Void) -> any ScheduledTimer {
            loop.schedule(at: start + .milliseconds(milliseconds), body)
        }
        _ = at(30) { order.append(30) }
        _ = at(10) { order.append(10) }
        let cancelled = at(15) { order.append(15) }
        _ = at(20) { order.append(20) }
        _ = at(5) {
            cancelled.cancel()
            cancelled.cancel()
        }
        _ = at(40, loop.stop)
    }
    #expect(order == [10, 20, 30])
}

@Test func `A timer is never early`() throws {
    for delay in [Interval.microseconds(300), .milliseconds(1), .microseconds(2_700)] {
        var waited = Interval.zero
        try onLoop { loop in
            let start = loop.time.now
            loop.schedule(after: delay) {
                waited = loop.time.now - start
                loop.stop()
            }
        }
        #expect(waited >= delay)
    }
}

@Test func `A timer that renews itself with no delay lets the others run`() throws {
    var turns = 0
    try onLoop { loop in
        func again() {
            turns += 1
            loop.schedule(after: .zero, again)
        }
        again()
        loop.schedule(after: .milliseconds(20), loop.stop)
    }
    #expect(turns > 1)
}

@Test func `The queue yields what was not cancelled, by moment and then by order`() {
    var random = Randomness(seed: 7)
    for _ in 0..<50 {
        let queue = TimerQueue()
        var fired: [Int] = []
        var expected: [(UInt64, Int)] = []
        for index in 0..<Int.random(in: 1...400, using: &random) {
            let deadline = UInt64.random(in: 0..<100, using: &random)
            let (slot, order) = queue.add(deadline: deadline) { fired.append(index) }
            if Bool.random(using: &random) {
                queue.cancel(slot: slot, order: order)
                queue.cancel(slot: slot, order: order)
            } else {
                expected.append((deadline, index))
            }
        }
        #expect(queue.count == expected.count)
        let limit = UInt64.random(in: 0..<100, using: &random)
        while let body = queue.popDue(now: limit) { body() }
        let due = expected.filter { $0.0 <= limit }.sorted { $0 < $1 }
        #expect(fired == due.map(\.1))
        #expect(queue.count == expected.count - due.count)
        #expect(queue.earliest() == expected.filter { $0.0 > limit }.map(\.0).min())
    }
}

@Test func `Cancelled deadlines do not pile up`() {
    let queue = TimerQueue()
    var live: [(slot: Int, order: UInt64)] = []
    var largest = 0
    for index in 0..<20_000 {
        live.append(queue.add(deadline: UInt64(1_000_000 + index)) {})
        if live.count > 100 {
            let oldest = live.removeFirst()
            queue.cancel(slot: oldest.slot, order: oldest.order)
        }
        largest = max(largest, queue.footprint)
    }
    #expect(largest <= 2 * 101 + TimerQueue.toleratedDead)
    #expect(queue.count == 100)
}
