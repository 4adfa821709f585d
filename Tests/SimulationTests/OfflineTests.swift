import Testing

@testable import Simulation

/// Two days without a link. `Tools/simulate --offline` lives through as many as one likes.
@Suite struct OfflineTests {
    @Test func `A site that is cut off for 48 hours answers all, and owes nothing in the end`()
        throws
    {
        var size = OfflineTrial.Size()
        size.every = 20
        let trial = try OfflineTrial(seed: 1, size: size)
        if let violation = trial.violation {
            Issue.record("\(violation)\n\(trial.story.joined(separator: "\n"))")
        }
        #expect(trial.frames > 7_500 && trial.answered + trial.lost == trial.frames)
        #expect(trial.mostHeld <= trial.quota && trial.mostHeld > trial.quota / 2)
        #expect(trial.owed == trial.settled + trial.owedLost && trial.owedLost > 0)
        for queue in trial.queues {
            #expect(queue.acknowledged == queue.counted + queue.gapped)
        }
        #expect(trial.queues.last?.gapped == 0)
    }

    @Test(arguments: OfflineTrial.Planted.allCases)
    func `Bugs of those who owe are found`(_ planted: OfflineTrial.Planted) throws {
        var size = OfflineTrial.Size()
        (size.hours, size.every) = (1, 0.5)
        let found = try (UInt64(1)...12).contains { seed in
            try OfflineTrial(seed: seed, size: size, planted: planted).violation != nil
        }
        #expect(found)
    }

    @Test(arguments: 1..<4)
    func `Whatever befalls a site that is alone, its books balance`(_ seed: Int) throws {
        var size = OfflineTrial.Size()
        (size.hours, size.every) = (1, 0.5)
        let trial = try OfflineTrial(seed: UInt64(seed), size: size)
        if let violation = trial.violation {
            Issue.record("seed \(seed): \(violation)\n\(trial.story.joined(separator: "\n"))")
        }
    }
}
