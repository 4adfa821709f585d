import Ground
import Testing

@testable import Routing

@Suite struct RecentFramesTests {
    static func filled(_ scores: [Double]) -> RecentFrames {
        var recent = RecentFrames()
        for score in scores { recent.add(Confidence(score), bytes: 100, earned: 25) }
        return recent
    }

    @Test func `Quantiles are those of the sorted scores, to a bin`() throws {
        var random = Randomness(seed: 12)
        let scores = (0..<5000).map { _ in random.unit() * random.unit() }
        let sorted = scores.sorted()
        var recent = Self.filled(scores)
        for share in [0.01, 0.08, 0.3, 0.5, 0.99] {
            let found = recent.quantile(share)
            let quantile = try #require(found)
            #expect(abs(quantile - sorted[Int(share * 5000)]) <= 1.0 / 128)
        }
        let last = recent.quantile(1.5)
        #expect(last == 1)
    }

    @Test func `Too few frames have no quantile`() {
        var recent = Self.filled([Double](repeating: 0.5, count: 63))
        let early = recent.quantile(0.5)
        #expect(early == nil)
        recent.add(Confidence(0.5), bytes: 100, earned: 25)
        let later = recent.quantile(0.5)
        #expect(abs((later ?? 0) - 0.5) < 1.0 / 128)
    }

    @Test func `Old frames fade`() throws {
        let old = [Double](repeating: 0.9, count: 50_000)
        let new = [Double](repeating: 0.2, count: 10_000)
        var recent = Self.filled(old + new)
        let found = recent.quantile(0.5)
        let quantile = try #require(found)
        #expect(quantile < 0.25)
    }

    @Test func `What the bandwidth carries is what it earned over what came`() {
        let steady = Self.filled([Double](repeating: 0.5, count: 30_000)).carriedShare
        #expect(abs(steady - 0.25) < 1e-9)
        #expect(RecentFrames().carriedShare == 1)
        var rich = RecentFrames()
        rich.add(.none, bytes: 10, earned: 1000)
        #expect(rich.carriedShare == 1)
    }
}
