import Testing

@testable import Routing

@Suite struct ConfidenceTests {
    static let bars = [0, 0.001, 0.5, 0.8, 0.9999, 1].compactMap { Bar($0) }

    @Test(arguments: [Double.nan, .signalingNaN, .infinity, -.infinity])
    func `A score that is not a number passes no bar`(score: Double) {
        for measure in ConfidenceMeasure.allCases {
            let judged = measure.confidence(maxSoftmax: score, margin: score, entropy: score)
            #expect(judged == .none)
            for bar in Self.bars { #expect(!bar.accepts(judged)) }
        }
    }

    @Test func `A score is brought into range`() {
        #expect(Confidence(1.000_000_1).value == 1)
        #expect(Confidence(-0.1).value == 0)
        #expect(Confidence(0.25).value == 0.25)
        #expect(Confidence(0.25) < Confidence(0.5))
    }

    @Test func `Each measure reads its own score`() {
        let of = { (measure: ConfidenceMeasure) in
            measure.confidence(maxSoftmax: 0.75, margin: 0.5, entropy: 0.375).value
        }
        #expect(of(.maxSoftmax) == 0.75)
        #expect(of(.margin) == 0.5)
        #expect(of(.entropy) == 0.625)
    }

    @Test func `At the bar is accepted and just below it is not`() {
        for bar in Self.bars where bar.value > 0 {
            #expect(bar.accepts(Confidence(bar.value)))
            #expect(!bar.accepts(Confidence(bar.value.nextDown)))
            #expect(bar.accepts(Confidence(1)))
        }
    }

    @Test(arguments: [-0.01, 1.01, Double.nan, .infinity])
    func `A bar outside 0 to 1 is no bar`(value: Double) {
        #expect(Bar(value) == nil)
    }

    @Test func `An uncertain band holds both its ends and nothing beyond`() throws {
        let band = try #require(UncertainBand(low: 0.3, high: 0.6))
        let table: [(Double, Bool)] = [
            (0.3.nextDown, false), (0.3, true), (0.45, true), (0.6, true), (0.6.nextUp, false),
            (0, false), (1, false), (.nan, true),
        ]
        for (score, isInside) in table { #expect(band.contains(score) == isInside) }
        #expect(UncertainBand(low: 0.6, high: 0.3) == nil)
        #expect(UncertainBand(low: -0.1, high: 0.3) == nil)
        #expect(UncertainBand(low: 0.1, high: .nan) == nil)
    }
}
