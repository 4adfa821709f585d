import Ground
import Testing

@testable import Routing

@Suite struct RetryBudgetTests {
    static func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: 0) + .milliseconds(milliseconds)
    }

    /// How many withdrawals in a row succeed.
    static func drain(_ budget: inout RetryBudget, _ milliseconds: Int64) -> Int {
        var count = 0
        while budget.withdraw(now: at(milliseconds)) { count += 1 }
        return count
    }

    @Test(arguments: [(Tier.leaf, 1), (.regional, 10), (.cloud, 10)])
    func `A quiet node may retry up to the floor in each second`(tier: Tier, floor: Int) {
        var budget = RetryBudget(.init(tier))
        let granted = (0..<30).map { Self.drain(&budget, $0 * 1000) }
        #expect(granted == [Int](repeating: floor, count: 30))
    }

    @Test func `A busy node may retry a fifth of its requests`() {
        var budget = RetryBudget(.init(.leaf))
        for _ in 0..<1000 { budget.request(now: Self.at(100)) }
        let granted = [200, 900, 1000].map { Self.drain(&budget, $0) }
        #expect(granted == [200, 0, 1])
    }

    @Test func `Requests count for ten seconds`() {
        for (later, allowed) in [(Int64(9_900), 20), (10_000, 1)] {
            var budget = RetryBudget(.init(.leaf))
            for _ in 0..<100 { budget.request(now: Self.at(0)) }
            let granted = Self.drain(&budget, later)
            #expect(granted == allowed)
        }
    }

    @Test func `However calls fail, retries stay within a fifth and the floor`() {
        var random = Randomness(seed: 8)
        var budget = RetryBudget(.init(.leaf))
        var (requests, retries) = (0, 0)
        for step in 0..<20_000 {
            let now = Self.at(Int64(step) * 5)
            if random.unit() < 0.7 {
                budget.request(now: now)
                requests += 1
            }
            if budget.withdraw(now: now) { retries += 1 }
            let floor = step * 5 / 1000 + 1
            #expect(retries <= requests / 5 + floor)
        }
        #expect(retries * 100 >= requests * 19)
    }
}
