import Ground
import Testing

@testable import Simulation

@Suite struct ClockworkTests {
    @Test func `Seeds hold`() throws {
        for seed in UInt64(1)...30 {
            let run = try SeedRun(seed: seed, twice: true)
            print(seed, run.events, run.frames, run.trace)
            if let violation = run.violation {
                Issue.record("\(violation)\n\(run.story.joined(separator: "\n"))")
            }
        }
    }
}
