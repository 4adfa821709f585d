import EventLoop
import Ground
import Testing

/// Touched on one loop only, in the box that says so.
private final class Seen {
    var numbers: [[Int]] = Array(repeating: [], count: 4)
    var threads: [LoopThread] = []
    var counters = LoopCounters()
}

@Test func `Posts of four threads all arrive once and in each thread's order`() throws {
    let each = 10_000
    let seen = Seen()
    try onLoop { loop in
        let box = LoopConfined((seen, loop), to: loop.poster)
        for source in 0..<4 {
            let thread = try LoopThread(name: "source \(source)") { own in
                for number in 0..<each {
                    box.post { seen, loop in
                        seen.numbers[source].append(number)
                        guard seen.numbers.allSatisfy({ $0.count == each }) else { return }
                        seen.counters = loop.counters
                        loop.stop()
                    }
                }
                own.stop()
            }
            seen.threads.append(thread)
        }
    }
    for thread in seen.threads { thread.join() }
    for numbers in seen.numbers { #expect(numbers == Array(0..<each)) }
    #expect(seen.counters.posted == 4 * each)
    #expect(seen.counters.postedBatches < seen.counters.posted)
}

@Test func `Bodies posted before the stop still run, later ones are refused`() throws {
    final class Count { var value = 0 }
    let count = Count()
    var poster: LoopPoster?
    try onLoop { loop in
        poster = loop.poster
        let box = LoopConfined(count, to: loop.poster)
        for _ in 0..<5 { #expect(box.post { $0.value += 1 }) }
        loop.stop()
        #expect(box.post { $0.value += 1 })
    }
    #expect(count.value == 6)
    #expect(poster?.post {} == false)
}

@Test func `A thread that cannot set its loop up throws the fault`() {
    let thrown = #expect(throws: Fault.self) {
        _ = try LoopThread(name: "failing") { loop throws(Fault) in
            _ = try loop.listen(on: Endpoint(host: "256.0.0.1", port: 0)) { _ in }
        }
    }
    #expect(thrown?.message.contains("256.0.0.1") == true)
}

@Test func `A loop that never ran is closed and freed`() throws {
    weak var freed: Loop?
    do {
        let loop = try Loop()
        loop.schedule(after: .seconds(1)) { Issue.record("a timer of a dead loop fired") }
        freed = loop
    }
    #expect(freed == nil)
}
