import Testing

@testable import Simulation

/// Spools on disks that lie. `Tools/simulate --disk` lives through ten thousand.
@Suite struct SpoolTrialTests {
    @Test(arguments: 0..<10)
    func `Nothing acknowledged is lost unsaid, whatever the disk does`(_ part: Int) {
        for seed in (part * 20)..<(part * 20 + 20) {
            let trial = SpoolTrial(seed: UInt64(seed), steps: 80)
            if let violation = trial.violation {
                Issue.record("seed \(seed): \(violation)\n\(trial.story.joined(separator: "\n"))")
            }
        }
    }

    @Test(arguments: SpoolTrial.Planted.allCases)
    func `Bugs that somebody could write are found`(_ planted: SpoolTrial.Planted) {
        let found = (UInt64(0)..<60).first {
            SpoolTrial(seed: $0, steps: 80, planted: planted).violation != nil
        }
        #expect(found != nil)
    }
}
