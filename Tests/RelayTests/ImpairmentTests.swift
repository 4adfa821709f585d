import Ground
import Testing

@testable import relay

private func moment(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: 1_000_000_000) + .milliseconds(milliseconds)
}

/// Arrivals of `count` segments that come one a millisecond, in milliseconds after their coming.
private func delays(_ impairment: Impairment, seed: UInt64 = 1, count: Int = 2_000) -> [Double] {
    var schedule = Schedule(seed: seed)
    var pacer = Pacer()
    return (0..<count).map { index in
        let now = moment(Int64(index))
        let due = schedule.arrival(of: Impairment.segment, now: now, over: &pacer, impairment)
        return (due - now).milliseconds
    }
}

@Test func `Without jitter every piece takes exactly the delay`() {
    let seen = delays(Impairment(delay: .milliseconds(100)))
    #expect(seen.allSatisfy { $0 == 100 })
}

@Test func `Pieces never overtake each other`() {
    let impairment = Impairment(
        delay: .milliseconds(20), jitter: .milliseconds(15), loss: 0.05, reorder: 0.05)
    let seen = delays(impairment)
    for (index, pair) in zip(seen, seen.dropFirst()).enumerated() {
        #expect(pair.1 + 1 >= pair.0 - 1e-6, "piece \(index + 1) overtook")
    }
    #expect(Set(seen).count > 100)
}

@Test func `One seed draws one schedule, another seed another`() {
    let impairment = Impairment(delay: .milliseconds(5), jitter: .milliseconds(2), loss: 0.02)
    #expect(delays(impairment, seed: 9) == delays(impairment, seed: 9))
    #expect(delays(impairment, seed: 9) != delays(impairment, seed: 10))
}

@Test func `A lost segment waits for its retransmission and holds up what follows`() {
    let impairment = Impairment(delay: .milliseconds(50), loss: 0.01)
    var schedule = Schedule(seed: 4)
    var pacer = Pacer()
    var stalls: [Double] = []
    for index in 0..<5_000 {
        // Far apart, so that no stall reaches the next segment.
        let now = moment(Int64(index) * 100_000)
        let due = schedule.arrival(of: 1_448, now: now, over: &pacer, impairment)
        let stall = (due - now).milliseconds - 50
        if stall > 0 { stalls.append(stall) }
    }
    #expect(stalls.allSatisfy { [100, 300, 700].contains($0) })
    #expect((25...85).contains(stalls.count))
    #expect(schedule.losses >= stalls.count)

    var total = Impairment(delay: .milliseconds(50), loss: 1)
    let now = moment(0)
    let lost = schedule.arrival(of: 1_448, now: moment(600_000_000), over: &pacer, total)
    #expect((lost - moment(600_000_000)).milliseconds == 50 + 63 * 100)
    total.loss = 0
    let next = schedule.arrival(of: 1_448, now: moment(600_000_001), over: &pacer, total)
    #expect(next == lost)
    #expect(now < lost)
}

@Test func `A reordered segment stalls its stream for a short while`() {
    let seen = delays(Impairment(delay: .milliseconds(40), reorder: 0.01))
    #expect(seen.allSatisfy { (40...50).contains($0) })
    #expect(seen.contains(50))
}

@Test(arguments: [(250_000, 1_000_000), (125_000_000, 50_000_000)])
func `A direction carries its bandwidth and no more`(bandwidth: Int, bytes: Int) {
    var schedule = Schedule(seed: 1)
    var other = Schedule(seed: 2)
    var pacer = Pacer()
    let impairment = Impairment(delay: .milliseconds(10), bandwidth: bandwidth)
    var last = moment(0)
    var sent = 0
    while sent < bytes {
        last = schedule.arrival(of: 1_000, now: moment(0), over: &pacer, impairment)
        last = max(last, other.arrival(of: 1_000, now: moment(0), over: &pacer, impairment))
        sent += 2_000
    }
    let expected = Double(bytes) / Double(bandwidth) + 0.010
    #expect(abs((last - moment(0)).seconds - expected) < 0.001)
}

@Test func `An idle link saves up nothing`() {
    var pacer = Pacer()
    _ = pacer.pass(1_000, now: moment(0), bandwidth: 1_000_000)
    let late = pacer.pass(1_000, now: moment(5_000), bandwidth: 1_000_000)
    #expect(late == moment(5_001))
}

@Test func `What may be on the way is bounded by bandwidth and by a fixed limit`() {
    #expect(Impairment().queueBound == Impairment.queueLimit)
    #expect(Impairment(bandwidth: 1_000).queueBound == Impairment.leastQueue)
    let paced = Impairment(delay: .milliseconds(100), bandwidth: 1_000_000)
    #expect(paced.queueBound == 350_000)
}

@Test(arguments: [
    ("0", Interval.zero), ("100ms", .milliseconds(100)), ("1.5s", .milliseconds(1_500)),
    ("250us", .microseconds(250)),
])
func `Intervals are read`(text: String, expected: Interval) {
    #expect(Units.interval(text) == expected)
}

@Test func `Shares and bandwidths are read`() {
    #expect(Units.share("1%") == 0.01)
    #expect(Units.share("0.25") == 0.25)
    #expect(Units.bandwidth("2Mbit/s") == 250_000)
    #expect(Units.bandwidth("1MB/s") == 1_000_000)
}

@Test(arguments: ["", "100", "-1ms", "5 ms", "ms", "1e3ms", "9999999999s", "nans"])
func `What is no interval is refused`(text: String) {
    #expect(Units.interval(text) == nil)
}

@Test(arguments: ["101%", "2", "-1%", "1 %", ""])
func `What is no share is refused`(text: String) {
    #expect(Units.share(text) == nil)
}

@Test(arguments: ["2", "0Mbit/s", "2Mbps", "9999999Gbit/s", ""])
func `What is no bandwidth is refused`(text: String) {
    #expect(Units.bandwidth(text) == nil)
}

@Test(arguments: [
    ("cut", ControlCommand.cut), ("hole", .hole), ("stall", .stall), ("heal", .heal),
    ("reset", .reset), ("stats", .stats), ("stop", .stop),
    ("set delay 200ms", .set(.delay(.milliseconds(200)))), ("set loss 1%", .set(.loss(0.01))),
    ("set bandwidth none", .set(.bandwidth(nil))),
    ("  set  bandwidth  8kbit/s ", .set(.bandwidth(1_000))),
])
func `Commands are read`(line: String, expected: ControlCommand) throws {
    #expect(try ControlCommand(line) == expected)
}

@Test(arguments: ["", "cut now", "set delay", "set speed 3", "set delay fast", "explode"])
func `A line that is no command is a fault that says what was expected`(line: String) {
    let fault = #expect(throws: Fault.self) { try ControlCommand(line) }
    #expect(fault?.description.contains("set") == true)
}
