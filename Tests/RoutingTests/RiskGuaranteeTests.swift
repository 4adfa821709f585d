import Ground
import Testing

@testable import Routing

/// Frames whose confidence is uniform and whose share of wrong answers is known at each confidence,
/// so that the true risk of each bar is known too.
struct Population: Sendable, CustomTestStringConvertible {
    let name: String
    /// Share of wrong answers in each of the equal slices of 0…1, least sure first.
    let wrong: [Double]
    var testDescription: String { name }

    /// Scores of `count` frames drawn from it.
    func calibration(_ count: Int, random: inout Randomness) -> CalibrationTally {
        var tally = CalibrationTally()
        for _ in 0..<count {
            let score = random.unit()
            let rate = wrong[Int(score * Double(wrong.count))]
            tally.add(Confidence(score), isRight: random.unit() >= rate)
        }
        return tally
    }

    /// The true share of wrong among accepted at this bar.
    func risk(at bar: Double) -> Double {
        let slice = 1 / Double(wrong.count)
        var sum = 0.0
        for (index, rate) in wrong.enumerated() {
            let top = Double(index + 1) * slice
            sum += rate * max(0, top - max(bar, Double(index) * slice))
        }
        return sum / (1 - bar)
    }

    /// The lowest bar of the grid down to which every bar keeps the risk.
    func bestBar(risk: Double) -> Double? {
        BarGrid.bars.last { self.risk(at: $0) <= risk }
    }
}

@Suite struct RiskGuaranteeTests {
    static let risk = 0.1
    static let errorRate = 0.1
    static let resplits = 2000
    static let scores = 500

    static let falling = Population(
        name: "less sure, more often wrong",
        wrong: (0..<50).map { index in
            let doubt = 1 - (Double(index) + 0.5) / 50
            return doubt * doubt
        })
    /// Every bar is just over the risk: whatever is chosen is wrong.
    static let hopeless = Population(
        name: "every bar just over the risk", wrong: [Double](repeating: 0.104, count: 10))
    /// The surest are often wrong, so that no order can be relied on.
    static let upsideDown = Population(
        name: "the surest are often wrong",
        wrong: [0.4, 0.4, 0.3, 0.3, 0.12, 0.1, 0.06, 0.04, 0.02, 0.25])
    /// The bar at 0.6 keeps the risk by a hair, the next does not.
    static let cliff = Population(
        name: "a cliff at a start",
        wrong: [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1])

    /// How many resplits choose a bar whose true risk is over the target; and the mean true share
    /// of frames that is accepted.
    func errors(
        _ population: Population, choose: (CalibrationTally) -> Double?
    ) -> (count: Int, accepted: Double) {
        var random = Randomness(seed: 141)
        var count = 0
        var accepted = 0.0
        for _ in 0..<Self.resplits {
            let tally = population.calibration(Self.scores, random: &random)
            guard let bar = choose(tally) else { continue }
            if population.risk(at: bar) > Self.risk { count += 1 }
            accepted += 1 - bar
        }
        return (count, accepted / Double(Self.resplits))
    }

    /// Whether so many errors would be seen less than once in a thousand times if the rate were
    /// kept.
    func breaksTheRate(_ count: Int) -> Bool {
        1 - Binomial.lowerTail(count - 1, of: Self.resplits, Self.errorRate) < 0.001
    }

    @Test(arguments: [falling, hopeless, upsideDown, cliff])
    func `The true risk is over the target no more often than stated`(
        population: Population
    ) throws {
        let target = try RiskTarget(risk: Self.risk, confidence: 1 - Self.errorRate)
        let seen = errors(population) { try? RiskBar(target, calibration: $0).bar.value }
        #expect(!breaksTheRate(seen.count), "\(seen.count) of \(Self.resplits)")
    }

    @Test func `The chosen bar accepts most of what the best bar would`() throws {
        let target = try RiskTarget(risk: Self.risk, confidence: 1 - Self.errorRate)
        let best = try #require(Self.falling.bestBar(risk: Self.risk))
        let seen = errors(Self.falling) { try? RiskBar(target, calibration: $0).bar.value }
        #expect(seen.accepted >= 0.7 * (1 - best), "\(seen.accepted) of \(1 - best)")
    }

    @Test func `Judging by the empirical risk would break the guarantee`() {
        let seen = errors(Self.falling) { tally in
            let counts = tally.cumulated()
            return counts.indices.last {
                Double(counts[$0].wrong) <= Self.risk * Double(counts[$0].accepted)
            }.map { BarGrid.bars[$0] }
        }
        #expect(breaksTheRate(seen.count), "\(seen.count) of \(Self.resplits)")
    }

    @Test func `Testing every bar at the full level would break the guarantee`() {
        let seen = errors(Self.hopeless) { tally in
            let counts = tally.cumulated()
            return counts.indices.last {
                Binomial.lowerTail(counts[$0].wrong, of: counts[$0].accepted, Self.risk)
                    <= Self.errorRate
            }.map { BarGrid.bars[$0] }
        }
        #expect(breaksTheRate(seen.count), "\(seen.count) of \(Self.resplits)")
    }
}
