import Ground
import Testing

@testable import Telemetry

struct RhythmTests {
    private func at(_ milliseconds: Int) -> Instant {
        Instant(nanoseconds: UInt64(milliseconds) * 1_000_000)
    }

    @Test func `an even camera is off by nothing and a late frame by its delay`() {
        var rhythm = Rhythm()
        for number in 0...16 {
            #expect(rhythm.step("a", number, at: at(number * 40)) == .nothing)
        }
        #expect(rhythm.step("a", 17, at: at(17 * 40)) == .off(.zero))
        #expect(rhythm.step("a", 18, at: at(18 * 40 + 8)) == .off(.milliseconds(8)))
    }

    @Test func `cameras are told apart`() {
        var rhythm = Rhythm()
        for number in 0...40 {
            let one = rhythm.step("a", number, at: at(number * 40))
            let other = rhythm.step("b", number, at: at(number * 100 + 7))
            guard number > 16 else { continue }
            #expect(one == .off(.zero) && other == .off(.zero))
        }
    }

    @Test func `a frame after a later one is disorder and a missing one is no gap`() {
        var rhythm = Rhythm()
        for number in 0...20 { _ = rhythm.step("a", number, at: at(number * 40)) }
        #expect(rhythm.step("a", 3, at: at(840)) == .disorder)
        #expect(rhythm.step("a", 21, at: at(799)) == .disorder)
        #expect(rhythm.step("a", 25, at: at(1_000)) == .nothing)
        #expect(rhythm.step("a", 26, at: at(1_040)) == .off(.zero))
    }

    @Test func `two workers that end in another order than they began have kept the order`() {
        var rhythm = Rhythm()
        for number in 0...20 { _ = rhythm.step("a", number, at: at(number * 40)) }
        #expect(rhythm.step("a", 22, at: at(880)) == .nothing)
        #expect(rhythm.step("a", 21, at: at(840)) == .nothing)
        #expect(rhythm.step("a", 23, at: at(920)) == .off(.zero))
    }

    @Test func `more cameras than are followed begin anew`() {
        var rhythm = Rhythm()
        for number in 0...20 { _ = rhythm.step("a", number, at: at(number * 40)) }
        for camera in 0..<Rhythm.mostStreams { _ = rhythm.step("c\(camera)", 0, at: at(900)) }
        #expect(rhythm.step("a", 0, at: at(940)) == .nothing)
    }
}
