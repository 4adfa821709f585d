import Ground
import Testing

@testable import Routing

@Suite("A bandwidth is used and kept, whatever the frames are like")
struct BandwidthUseTests {
    static let rate = 30_000
    static let payload = 3_000

    /// Bytes spent of those earned in so many seconds of `fps` frames, after a time to settle.
    static func used(
        fps: Int, burst: Int, seconds: Int, confidence: (Int) -> Double
    ) throws -> Double {
        let limits = try EscalationBudget.Limits(share: 1, bandwidth: rate, burstBytes: burst)
        var budget = EscalationBudget(limits, now: Instant(nanoseconds: 0))
        var spent = 0
        for frame in 0..<(fps * seconds * 2) {
            let now = Instant(nanoseconds: UInt64(frame) * 1_000_000_000 / UInt64(fps))
            let one = Confidence(confidence(frame))
            let decision = budget.decide(one, bar: Bar(0.9)!, payload: payload, now: now)
            if frame >= fps * seconds, decision == .escalate { spent += payload }
        }
        return Double(spent) / Double(rate * seconds)
    }

    @Test(arguments: [20, 40, 400], [6_000, 30_000, 300_000])
    func `All alike`(fps: Int, burst: Int) throws {
        let used = try Self.used(fps: fps, burst: burst, seconds: 60) { _ in 0.5 }
        #expect(used > 0.95 && used < 1.05, "\(used)")
    }

    @Test(arguments: [20, 40, 400], [6_000, 30_000, 300_000])
    func `Just below the bar`(fps: Int, burst: Int) throws {
        let used = try Self.used(fps: fps, burst: burst, seconds: 60) { _ in 0.8999 }
        #expect(used > 0.95 && used < 1.05, "\(used)")
    }

    @Test(arguments: [20, 40, 400], [6_000, 30_000, 300_000])
    func `Two kinds, most of them sure`(fps: Int, burst: Int) throws {
        let used = try Self.used(fps: fps, burst: burst, seconds: 60) {
            $0 % 2 == 0 ? 0.99 : 0.3
        }
        #expect(used > 0.95 && used < 1.05, "\(used)")
    }
}
