import ArgumentParser
import Ground
import Simulation
import Storage

/// `simulate disks`: spools on disks that lose what was not synced, tear, flip and fill up.
struct Disks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put spools on disks that lie and check that nothing owed is lost unsaid.",
        discussion: """
            Each seed is a spool of its own, with power cuts, ends of its process, flipped bits, \
            unreadable pages, syncs that fail and a disk that fills up. --planted puts a bug in, \
            which must be found.
            """)

    @Option(help: "How many seeds.")
    var seeds = 10_000

    @Option(help: "The first one.")
    var first: UInt64 = 1

    @Option(help: "What is done in a trial.")
    var steps = 120

    @Option(help: "A bug: no-sync, no-folder-sync, no-checksum or unlink-first.")
    var planted: String?

    @Option(help: "Trials at a time; the default is the number of cores.")
    var workers: Int?

    @Option(help: "Also write the result as JSON to this file.")
    var json: String?

    @Flag(help: "Also tell all that was done in each trial that failed.")
    var story = false

    func validate() throws {
        guard [seeds, steps, workers ?? 1].allSatisfy({ $0 >= 1 }) else {
            throw ValidationError("every number must be at least 1")
        }
        if let planted, SpoolTrial.Planted(rawValue: planted) == nil {
            let names = SpoolTrial.Planted.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("no such bug '\(planted)'; there are \(names)")
        }
    }

    /// What came of some trials.
    private struct Sum: Sendable {
        var trials = 0
        var acknowledged = 0
        var lost: UInt64 = 0
        var crashes = 0
        var failed: [UInt64] = []
        var words: [String] = []
    }

    func run() async throws {
        let clock = ContinuousClock()
        let start = clock.now
        var sum = Sum()
        await withTaskGroup(of: Sum.self) { group in
            let parts = UInt64(workers ?? Machine.cores)
            for part in 0..<parts { group.addTask { trials(part, of: parts) } }
            for await part in group {
                sum.trials += part.trials
                sum.acknowledged += part.acknowledged
                sum.lost += part.lost
                sum.crashes += part.crashes
                sum.failed += part.failed
                sum.words += part.words
            }
        }
        for line in sum.words { print(line) }
        let seconds = start.duration(to: clock.now) / .seconds(1)
        print(
            "\(sum.trials) seeds, \(sum.failed.count) failed; \(sum.acknowledged) records"
                + " acknowledged, \(sum.crashes) crashes; \(sum.lost) records lost, each said;"
                + " \(Int(seconds)) s")
        if let json { try FileDisk().replace(json, with: result(sum, seconds).canonical) }
        // A planted bug must turn it red.
        if sum.failed.isEmpty == (planted != nil) { throw ExitCode.failure }
    }

    private func trials(_ part: UInt64, of parts: UInt64) -> Sum {
        var sum = Sum()
        for number in stride(from: part, to: UInt64(seeds), by: Int(parts)) {
            let bug = planted.flatMap(SpoolTrial.Planted.init)
            let trial = SpoolTrial(seed: first + number, steps: steps, planted: bug)
            sum.trials += 1
            sum.acknowledged += trial.acknowledged
            sum.lost += trial.lost
            sum.crashes += trial.crashes
            guard let violation = trial.violation else { continue }
            sum.failed.append(trial.seed)
            // Enough to work with: the rest are counted.
            if sum.words.count < 10 {
                sum.words.append("seed \(trial.seed): \(violation)")
                if story { sum.words += trial.story.map { "    \($0)" } }
            }
        }
        return sum
    }

    private func result(_ sum: Sum, _ seconds: Double) -> JSON {
        .object([
            "seeds": .integer(sum.trials), "failed": .integer(sum.failed.count),
            "acknowledged": .integer(sum.acknowledged), "crashes": .integer(sum.crashes),
            "lost_and_said": .integer(Int(sum.lost)), "seconds": .real(seconds),
            "planted": planted.map(JSON.string) ?? .null,
            "failures": .array(sum.failed.sorted().map { .string("\($0)") }),
        ])
    }
}
