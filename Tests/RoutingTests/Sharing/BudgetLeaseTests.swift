import Ground
import Testing

@testable import Routing

/// Loops that share one task's budget, with messages that take a while.
private struct Purse {
    var shards: [EscalationBudget]
    var toOwner: [[BudgetAccount]]
    var toMember: [[BudgetLoan]]
    var now = Instant(nanoseconds: 1_000_000_000)
    var seen = 0
    var escalated = [Int](repeating: 0, count: 4)
    var bytes = 0
    var random: Randomness

    init(_ limits: EscalationBudget.Limits, shards count: Int, seed: UInt64) {
        let start = now
        shards = (0..<count).map {
            EscalationBudget(limits, place: ShardPlace($0, of: count), now: start)
        }
        toOwner = Array(repeating: [], count: count)
        toMember = Array(repeating: [], count: count)
        random = Randomness(seed: seed)
    }

    mutating func frame(_ shard: Int, payload: Int = 1_000) {
        seen += 1
        let confidence = Confidence(random.drawUnit())
        let decision = shards[shard].decide(
            confidence, bar: Bar(0.9)!, payload: payload, now: now)
        if decision == .escalate {
            escalated[shard] += 1
            bytes += payload
        }
        if decision != .accepted { tell(shard, isTick: false) }
    }

    mutating func tell(_ shard: Int, isTick: Bool) {
        if let account = shards[shard].account(isTick: isTick) { toOwner[shard].append(account) }
    }

    mutating func deliver(_ shard: Int) {
        if !toOwner[shard].isEmpty {
            let account = toOwner[shard].removeFirst()
            if let loan = shards[0].lend(account, now: now) { toMember[shard].append(loan) }
        } else if !toMember[shard].isEmpty {
            shards[shard].take(toMember[shard].removeFirst())
        }
    }

    var total: Int { escalated.reduce(0, +) }
}

@Suite struct BudgetLeaseTests {
    private func limits(
        share: Double = 0.08, bandwidth: Int? = nil
    ) throws -> EscalationBudget.Limits {
        try EscalationBudget.Limits(share: share, bandwidth: bandwidth)
    }

    @Test(arguments: 0..<24)
    func `Whatever the order of messages, loops together spend what was earned`(
        _ seed: Int
    ) throws {
        let limits = try limits(bandwidth: seed % 2 == 0 ? 20_000 : nil)
        let count = 2 + seed % 3
        var purse = Purse(limits, shards: count, seed: UInt64(seed))
        let start = purse.now
        for step in 0..<40_000 {
            purse.now = purse.now + .milliseconds(1)
            purse.frame(purse.random.draw(below: count), payload: 500 + step % 2_000)
            purse.deliver(1 + purse.random.draw(below: count - 1))
            if step % 250 == 0 {
                for shard in 1..<count { purse.tell(shard, isTick: true) }
            }
            let earned = 0.08 * Double(purse.seen) + Double(limits.burstFrames)
            #expect(Double(purse.total) <= earned)
            if let rate = limits.bandwidth {
                let most = Double(rate) * (purse.now - start).seconds + Double(limits.burstBytes)
                #expect(Double(purse.bytes) <= most)
            }
        }
    }

    /// What one shard alone escalates of the same frames is the measure.
    @Test(arguments: [nil, 20_000] as [Int?])
    func `A busy loop spends the whole share while the others are idle`(
        _ bandwidth: Int?
    ) throws {
        let limits = try limits(bandwidth: bandwidth)
        func spent(by busy: Int, of count: Int) -> Int {
            var purse = Purse(limits, shards: count, seed: 5)
            for step in 0..<60_000 {
                purse.now = purse.now + .milliseconds(5)
                purse.frame(busy, payload: 4_000)
                for shard in 1..<count {
                    purse.deliver(shard)
                    if step % 50 == shard { purse.tell(shard, isTick: true) }
                }
            }
            return purse.total
        }
        let alone = Double(spent(by: 0, of: 1))
        for busy in 0...1 {
            let share = Double(spent(by: busy, of: 2)) / alone
            #expect(share > 0.97 && share < 1.03, "loop \(busy): \(share)")
        }
    }

    @Test func `Two busy loops get about the same, and together the whole`() throws {
        let limits = try limits(bandwidth: 20_000)
        var purse = Purse(limits, shards: 2, seed: 9)
        for step in 0..<80_000 {
            purse.now = purse.now + .milliseconds(2)
            purse.frame(step % 2, payload: 4_000)
            purse.deliver(1)
            if step % 125 == 0 { purse.tell(1, isTick: true) }
        }
        let earned = 20_000.0 * 160 / 4_000
        #expect(Double(purse.total) > 0.95 * earned)
        let share = Double(purse.escalated[1]) / Double(purse.total)
        #expect(share > 0.35 && share < 0.65, "\(share)")
    }

    @Test func `A payload larger than a lease is saved for`() throws {
        let limits = try limits(share: 1, bandwidth: 8_000)
        var purse = Purse(limits, shards: 2, seed: 2)
        for step in 0..<4_000 {
            purse.now = purse.now + .milliseconds(50)
            purse.frame(1, payload: 100_000)
            purse.deliver(1)
            if step % 5 == 0 { purse.tell(1, isTick: true) }
        }
        // 200 s of 8 kB/s are 16 of them.
        #expect((12...17).contains(purse.total))
    }

    @Test func `What was lent under other limits is void`() throws {
        var purse = Purse(try limits(), shards: 2, seed: 2)
        purse.tell(1, isTick: true)
        purse.deliver(1)
        #expect(purse.toMember[1].count == 1)
        purse.shards[1] = EscalationBudget(
            try limits(share: 0.01), place: ShardPlace(1, of: 2), now: purse.now)
        purse.shards[1].version = 1
        purse.deliver(1)
        #expect(purse.shards[1].lease?.frames == 0)
        purse.tell(1, isTick: true)
        purse.deliver(1)
        // The owner still goes by the old ones, and does not answer.
        #expect(purse.toMember[1].isEmpty)
    }

    @Test func `A task whose frames may all escalate costs no message`() throws {
        var purse = Purse(try limits(share: 1), shards: 2, seed: 2)
        for _ in 0..<100 { purse.frame(1) }
        purse.tell(1, isTick: true)
        #expect(purse.toOwner[1].isEmpty)
        #expect(purse.total > 50)
    }
}
