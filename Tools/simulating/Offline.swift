import ArgumentParser
import Ground
import Simulation
import Storage

/// `simulate offline`: sites that are cut off for two days.
struct Offline: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cut sites off for 48 hours and check that nothing owed is lost unsaid.",
        discussion: """
            Each seed is a site of its own: its spool on a virtual disk that is too small, its \
            clock, its certificate, its cameras, and what befalls it; then its link is back. \
            --planted puts a bug in, which must be found.
            """)

    @Option(help: "How many seeds.")
    var seeds = 20

    @Option(help: "The first one.")
    var first: UInt64 = 1

    @Option(help: "Hours without a link.")
    var hours = 48

    @Option(help: "Mean seconds between two frames of a site.")
    var every = 5.0

    @Option(help: "A bug, such as drops-gaps; a wrong name lists them.")
    var planted: String?

    @Option(help: "Trials at a time; the default is the number of cores.")
    var workers: Int?

    @Option(help: "Also write the result as JSON to this file.")
    var json: String?

    @Flag(help: "Also say what came of each seed.")
    var verbose = false

    func validate() throws {
        guard [seeds, hours, workers ?? 1].allSatisfy({ $0 >= 1 }), every >= 0.02 else {
            throw ValidationError("every number must be at least 1, and --every at least 0.02")
        }
        if let planted, OfflineTrial.Planted(rawValue: planted) == nil {
            let names = OfflineTrial.Planted.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("no such bug '\(planted)'; there are \(names)")
        }
    }

    func run() async throws {
        let clock = ContinuousClock()
        let start = clock.now
        var size = OfflineTrial.Size()
        (size.hours, size.every) = (hours, every)
        let bug = planted.flatMap(OfflineTrial.Planted.init)
        var sum = OfflineSum()
        let end = first + UInt64(seeds)
        try await withThrowingTaskGroup(of: OfflineTrial.self) { [size] group in
            var next = first
            for _ in 0..<(workers ?? Machine.cores) where next < end {
                group.addTask { [next] in try OfflineTrial(seed: next, size: size, planted: bug) }
                next += 1
            }
            while let trial = try await group.next() {
                if next < end {
                    group.addTask { [next] in
                        try OfflineTrial(seed: next, size: size, planted: bug)
                    }
                    next += 1
                }
                sum.add(trial)
                tell(trial)
            }
        }
        sum.seconds = start.duration(to: clock.now) / .seconds(1)
        print(sum.text)
        if let json { try FileDisk().replace(json, with: sum.json(planted).canonical) }
        // A planted bug must turn it red.
        if sum.failed.isEmpty == (planted != nil) { throw ExitCode.failure }
    }

    private func tell(_ trial: OfflineTrial) {
        if let violation = trial.violation, planted == nil {
            print(
                "seed \(trial.seed): \(violation.invariant.rawValue): \(violation.words)"
                    + " (after \(Double(violation.at) / 1e9) s)")
            for line in trial.story.suffix(40) { print("    \(line)") }
        }
        guard verbose else { return }
        let queues = trial.queues.map { "\($0.name) \($0.counted)+\($0.gapped)" }
        print(
            "seed \(trial.seed): \(trial.frames) frames, \(trial.lost) met a node that was away;"
                + " \(trial.mostHeld) of \(trial.quota) bytes;"
                + " counted + gaps: \(queues.joined(separator: ", "));"
                + " receipts \(trial.settled)+\(trial.owedLost) of \(trial.owed);"
                + " \(trial.events) events, trace \(String(trial.trace, radix: 16))")
    }
}

/// What came of some sites.
struct OfflineSum {
    private var trials = 0
    private(set) var failed: [UInt64] = []
    private var frames = 0
    private var away = 0
    private var acknowledged = 0
    private var counted = 0
    private var gapped = 0
    private var events: UInt64 = 0
    /// The fullest disk, as a share of its quota.
    private var fullest = 0.0
    var seconds = 0.0

    mutating func add(_ trial: OfflineTrial) {
        trials += 1
        if trial.violation != nil { failed.append(trial.seed) }
        frames += trial.frames
        away += trial.lost
        events += trial.events
        fullest = max(fullest, Double(trial.mostHeld) / Double(max(trial.quota, 1)))
        for queue in trial.queues {
            acknowledged += queue.acknowledged
            counted += queue.counted
            gapped += queue.gapped
        }
    }

    var text: String {
        let names = failed.sorted().map { "\($0)" }.joined(separator: " ")
        return "\(trials) seeds, \(failed.count) failed\(names.isEmpty ? "" : ": \(names)");"
            + " \(frames) frames, \(away) of them while a node was away; \(acknowledged) records"
            + " acknowledged, \(counted) at the hub, \(gapped) in gaps; at most"
            + " \(Int(fullest * 100)) % of a quota; \(events) events, \(Int(seconds)) s"
    }

    func json(_ planted: String?) -> JSON {
        .object([
            "seeds": .integer(trials), "failed": .integer(failed.count),
            "frames": .integer(frames), "while_away": .integer(away),
            "acknowledged": .integer(acknowledged), "counted": .integer(counted),
            "in_gaps": .integer(gapped), "fullest": .real(fullest),
            "events": .integer(Int(events)), "seconds": .real(seconds),
            "planted": planted.map(JSON.string) ?? .null,
            "failures": .array(failed.sorted().map { .string("\($0)") }),
        ])
    }
}
