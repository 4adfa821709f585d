import Ground
import Testing

@testable import Simulation

/// Made-up worlds. `Tools/simulate` lives through as many as one likes, and larger ones.
@Suite struct SeedTests {
    private static let size = {
        var size = RandomWorld.Size()
        (size.leaves, size.regions, size.frames) = (4, 6, 1_500)
        // Faults in the first half, and more than the 90 s after which all must be well again.
        size.duration = .seconds(240)
        return size
    }()

    @Test(arguments: 1..<4)
    func `Fleets in which no two sites are alike keep their promises too`(_ seed: Int) throws {
        var size = Self.size
        (size.leaves, size.isVaried) = (8, true)
        let run = try SeedRun(seed: UInt64(seed), size: size, twice: true)
        #expect(run.frames > 200)
        if let violation = run.violation {
            Issue.record("seed \(seed): \(violation)\n\(run.story.joined(separator: "\n"))")
        }
    }

    @Test(arguments: 0..<12)
    func `Whatever goes wrong, every promise is kept`(_ part: Int) throws {
        for seed in (part * 20)..<(part * 20 + 20) {
            let run = try SeedRun(seed: UInt64(seed), size: Self.size, twice: seed % 10 == 0)
            #expect(run.events > 1_000)
            if let violation = run.violation {
                Issue.record("seed \(seed): \(violation)\n\(run.story.joined(separator: "\n"))")
            }
        }
    }
}
