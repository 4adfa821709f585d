import Ground
import Testing

@testable import Routing

@Suite struct RiskBarTests {
    static func tally(_ parts: [(confidence: Double, right: Int, wrong: Int)]) -> CalibrationTally {
        var tally = CalibrationTally()
        for part in parts {
            for _ in 0..<part.right { tally.add(Confidence(part.confidence), isRight: true) }
            for _ in 0..<part.wrong { tally.add(Confidence(part.confidence), isRight: false) }
        }
        return tally
    }

    static func fault(_ body: () throws(Fault) -> Void) -> Fault? {
        do { try body() } catch { return error }
        return nil
    }

    @Test func `The grid falls strictly and holds the round numbers`() {
        let bars = BarGrid.bars
        #expect(zip(bars, bars.dropFirst()).allSatisfy { $0 > $1 })
        for round in [0.9999, 0.9995, 0.999, 0.995, 0.99, 0.95, 0.9, 0.8, 0.5, 0.005] {
            #expect(bars.contains(round))
        }
        for (index, bar) in bars.enumerated() {
            #expect(BarGrid.index(accepting: Confidence(bar)) == index)
            let below = index + 1 < bars.count ? index + 1 : nil
            #expect(BarGrid.index(accepting: Confidence(bar.nextDown)) == below)
        }
        #expect(BarGrid.index(accepting: .none) == nil)
        #expect(BarGrid.index(accepting: Confidence(1)) == 0)
    }

    @Test func `Testing starts where the risk alone says`() {
        let table: [(Double, [Double])] = [
            (0.01, [0.997, 0.99, 0.96, 0.84]), (0.05, [0.985, 0.95, 0.8, 0.2]),
            (0.1, [0.975, 0.9, 0.6]), (0.5, [0.875, 0.5]), (0.0001, [0.9999, 0.9996, 0.998]),
        ]
        for (risk, bars) in table {
            #expect(BarGrid.starts(risk: risk).map { BarGrid.bars[$0] } == bars)
        }
    }

    @Test func `Too few scores are refused, and the fault says how many it takes`() throws {
        let target = try RiskTarget(risk: 0.01, confidence: 0.95)
        #expect(RiskBar.leastScores(for: target) == 437)
        let fault = try #require(
            Self.fault { () throws(Fault) in
                _ = try RiskBar(target, calibration: Self.tally([(1, 436, 0)]))
            })
        #expect(fault.code == .invalid)
        #expect(fault.message.contains("436 calibration scores"))
        #expect(fault.message.contains("at least 437"))
        #expect(throws: Never.self) { try RiskBar(target, calibration: Self.tally([(1, 437, 0)])) }
    }

    @Test func `All right and all sure makes the lowest bar`() throws {
        let target = try RiskTarget(risk: 0.01, confidence: 0.95)
        let chosen = try RiskBar(target, calibration: Self.tally([(0.9999, 500, 0)]))
        #expect(chosen.bar.value == 0.005)
        #expect((chosen.count, chosen.accepted, chosen.wrong) == (500, 500, 0))
    }

    @Test func `The bar stays above the frames that are wrong`() throws {
        let target = try RiskTarget(risk: 0.01, confidence: 0.95)
        let parts = [(0.998, 600, 0), (0.9, 400, 0), (0.7, 300, 200)]
        let chosen = try RiskBar(target, calibration: Self.tally(parts))
        #expect(chosen.bar.value == 0.705)
        #expect((chosen.count, chosen.accepted, chosen.wrong) == (1500, 1000, 0))
    }

    @Test func `A sequence that fails early is resumed at the next start`() throws {
        // Nobody reaches 0.985, the first start for 5 %: only the later ones have scores.
        let target = try RiskTarget(risk: 0.05, confidence: 0.95)
        let chosen = try RiskBar(target, calibration: Self.tally([(0.85, 300, 1), (0.5, 50, 50)]))
        #expect(chosen.bar.value == 0.505)
        #expect((chosen.accepted, chosen.wrong) == (301, 1))
    }

    @Test func `Where no bar passes the fault says what was seen`() throws {
        let target = try RiskTarget(risk: 0.01, confidence: 0.95)
        let fault = try #require(
            Self.fault { () throws(Fault) in
                _ = try RiskBar(target, calibration: Self.tally([(0.999, 900, 100)]))
            })
        #expect(fault.code == .precondition)
        #expect(fault.message.contains("at 0.99 100 of 1000 are wrong"))
        #expect(fault.remedy != nil)
    }

    @Test(
        arguments: [
            (0, 0.95), (0.6, 0.95), (Double.nan, 0.95), (0.01, 0.4), (0.01, 1), (0.01, Double.nan),
        ])
    func `A target outside its range is refused`(risk: Double, confidence: Double) {
        let fault = Self.fault { () throws(Fault) in
            _ = try RiskTarget(risk: risk, confidence: confidence)
        }
        #expect(fault?.code == .invalid)
    }
}
