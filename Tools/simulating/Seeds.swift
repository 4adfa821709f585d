import ArgumentParser
import Ground
import Simulation
import Storage

/// `simulate seeds`: made-up worlds, each checked at every step.
struct Seeds: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Live through made-up worlds and check what must hold at every step.",
        discussion: """
            Each seed is a world of its own: nodes, tasks, links, cameras, and what goes wrong. A \
            broken promise is told with its seed and the story of the frame or the peer that it is \
            about; --write keeps the world's files.
            """)

    @Option(help: "How many seeds.")
    var seeds = 1_000

    @Option(help: "The first one.")
    var first: UInt64 = 1

    @Option(help: "Frames that the cameras of a world send, about.")
    var frames = 20_000

    @Option(help: "Leaves of a world, at most.")
    var leaves = 12

    @Option(help: "Regional nodes of a world, at most.")
    var regions = 6

    @Flag(help: "Exactly so many of both, and a cloud, with links, engines and rules that differ.")
    var varied = false

    @Option(help: "Minutes of virtual time of a world.")
    var minutes = 12

    @Option(help: "Run every one of so many seeds twice, to compare the traces.")
    var twice = 10

    @Option(help: "Worlds at a time; the default is the number of cores.")
    var workers: Int?

    @Option(help: "Also write the result as JSON to this file.")
    var json: String?

    @Option(help: "Write the topology and the scenario of seeds that fail to this folder.")
    var write: String?

    func validate() throws {
        let counts = [seeds, frames, leaves, regions, minutes, twice, workers ?? 1]
        guard counts.allSatisfy({ $0 >= 1 }) else {
            throw ValidationError("every number must be at least 1")
        }
    }

    func run() async throws {
        var result = SeedsResult(seeds: seeds)
        var size = RandomWorld.Size()
        (size.frames, size.leaves, size.regions) = (frames, leaves, regions)
        size.duration = .seconds(60 * Int64(minutes))
        size.isVaried = varied
        let world = size
        let clock = ContinuousClock()
        let start = clock.now
        var shown = start
        try await withThrowingTaskGroup(of: SeedRun.self) { group in
            var next = first
            let end = first + UInt64(seeds)
            for _ in 0..<(workers ?? Machine.cores) where next < end {
                add(&next, to: &group, world)
            }
            while let run = try await group.next() {
                if next < end { add(&next, to: &group, world) }
                result.add(run)
                try tell(run, world)
                guard shown.duration(to: clock.now) >= Self.pause else { continue }
                shown = clock.now
                Machine.show(result.progress)
            }
        }
        result.seconds = start.duration(to: clock.now) / .seconds(1)
        Machine.show("\r" + result.text + "\n")
        if let json { try FileDisk().replace(json, with: result.json.canonical) }
        if !result.failures.isEmpty { throw ExitCode.failure }
    }

    private func add(
        _ next: inout UInt64, to group: inout ThrowingTaskGroup<SeedRun, any Error>,
        _ size: RandomWorld.Size
    ) {
        let seed = next
        let isTwice = (seed - first) % UInt64(twice) == 0
        next += 1
        group.addTask { try SeedRun(seed: seed, size: size, twice: isTwice) }
    }

    /// Between two words on how far it is: on a terminal they replace each other, in a log each is
    /// a line.
    private static var pause: Duration { .seconds(Machine.isTerminal ? 1 : 60) }

    private func tell(_ run: SeedRun, _ size: RandomWorld.Size) throws(Fault) {
        if let violation = run.violation {
            Machine.show(
                "\rseed \(run.seed): \(violation.invariant.rawValue): \(violation.words)"
                    + " (node \(violation.node), after \(Double(violation.at) / 1e9) s)\n"
                    + run.story.map { "    \($0)\n" }.joined())
            if let write {
                let files = RandomWorld(seed: run.seed, size: size)
                let name = "\(write)/seed-\(run.seed)"
                try FileDisk().replace("\(name).yaml", with: Array(files.topologyText.utf8))
                try FileDisk().replace(
                    "\(name)-scenario.yaml", with: Array(files.scenarioText.utf8))
            }
        }
    }
}

/// What came of all seeds.
struct SeedsResult {
    let seeds: Int
    var done = 0
    var events: UInt64 = 0
    var frames: UInt64 = 0
    var failures: [SeedRun] = []
    var seconds = 0.0

    init(seeds: Int) { self.seeds = seeds }

    mutating func add(_ run: SeedRun) {
        done += 1
        events += run.events
        frames += run.frames
        if run.violation != nil { failures.append(run) }
    }

    var progress: String {
        let words =
            "\(done) of \(seeds) seeds, \(failures.count) failed, \(events / 1_000_000) M events"
        return Machine.isTerminal ? "\r\(words) " : words + "\n"
    }

    private var rate: Int { Int(Double(events) / max(seconds, 1e-9)) }

    var text: String {
        let failed = failures.map { "\($0.seed)" }.sorted().joined(separator: " ")
        return "\(done) seeds, \(failures.count) failed\(failed.isEmpty ? "" : ": \(failed)");"
            + " \(events) events, \(rate) a second"
    }

    var json: JSON {
        .object([
            "seeds": .integer(done), "failed": .integer(failures.count),
            "events": .integer(Int(events)), "frames": .integer(Int(frames)),
            "seconds": .real(seconds), "events_per_second": .integer(rate),
            "failures": .array(
                failures.map { run in
                    .object([
                        "seed": .string("\(run.seed)"),
                        "invariant": .string(run.violation?.invariant.rawValue ?? ""),
                        "words": .string(run.violation?.words ?? ""),
                        "story": .array(run.story.map(JSON.string)),
                    ])
                }),
        ])
    }
}
