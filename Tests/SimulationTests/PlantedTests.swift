import Ground
import Routing
import Testing
import Topology

@testable import Simulation

/// Bugs that somebody could write: each must turn the simulator red, and its story must say why.
@Suite struct PlantedTests {
    private let outage = [
        "duration: 5m", "load: [{ to: leaf, task: look, every: 50ms, unsure: 40% }]",
        "happenings:", "  - { at: 30s, for: 1m, partition: { between: [leaf, regional] } }",
    ]

    private func broken(
        _ topology: Topology, _ lines: [String], _ planted: Planted
    ) throws -> (invariant: Violation.Invariant?, story: [String]) {
        let plan = try scenario(lines.joined(separator: "\n"), for: topology)
        let healthy = try simulate(topology, plan)
        #expect(healthy.violation == nil)
        let sick = try simulate(topology, plan, planted)
        return (sick.violation?.invariant, try sick.story())
    }

    @Test func `A breaker that never opens is found`() throws {
        var planted = Planted()
        planted.amend = { policy in
            policy.breaker.consecutiveFailures = .max
            policy.breaker.minimumCalls = .max
        }
        let (invariant, story) = try broken(fleet(), outage, planted)
        #expect(invariant == .breakerOpens)
        #expect(story.contains { $0.contains("timeout") })
    }

    private let keeping = """
        canopy: 1
        nodes:
          leaf: { tier: leaf, listen: 0.0.0.0:1, budget: { spool: 1GiB } }
          regional: { tier: regional, listen: 0.0.0.0:1, address: r.example:1 }
        tasks:
          look:
            leaf: { bundle: "sha256:\(String(repeating: "1", count: 64))", accept: 0.9 }
            regional: { bundle: "sha256:\(String(repeating: "1", count: 64))" }
        """

    @Test func `A hub that counts again what it is sent again is found`() throws {
        let topology = try Topology(validating: TopologyFile(text: keeping, name: "keeping.yaml"))
        var planted = Planted()
        planted.countsAgain = true
        // Words of the hub are lost, so that batches come again.
        let lossy =
            outage + ["  - { at: 2m, for: 1m, link: { between: [leaf, regional], loss: 30% } }"]
        let (invariant, story) = try broken(topology, lossy, planted)
        #expect(invariant == .nothingOwedIsLost)
        #expect(!story.isEmpty)
        let plan = try scenario(lossy.joined(separator: "\n"), for: topology)
        let healthy = try simulate(topology, plan)
        #expect(healthy.world.tally.owed > 100)
        #expect(healthy.world.tally.records > 1_000)
    }

    @Test func `A breaker that never closes again is found`() throws {
        var planted = Planted()
        planted.amend = { policy in
            policy.breaker.openTime = .seconds(3_600)
            policy.breaker.longestOpenTime = .seconds(3_600)
            // Probes would find the outage before the breaker does.
            policy.probe = nil
        }
        #expect(try broken(fleet(regions: 1), outage, planted).invariant == .heals)
    }

    @Test func `A retry budget that leaks is found`() throws {
        var planted = Planted()
        planted.amend = { $0.retries.percent = 10_000 }
        let crowd = [
            "duration: 2m", "load: [{ to: leaf, task: look, every: 20ms, unsure: 100% }]",
            "engines: [{ of: leaf, time: 1ms }, { of: regional, time: 200ms, workers: 1 }]",
        ]
        let regions = try fleet(
            leaves: 3, regions: 3, of: ", routing: { admission: { places: 4 } }", deadline: "2s")
        let (invariant, story) = try broken(regions, crowd, planted)
        #expect(invariant == .retriesBounded)
        #expect(story.contains { $0.contains("retry") || $0.contains("hedge") })
    }

    @Test func `Hosts that are ejected without a bound are found`() throws {
        var planted = Planted()
        planted.amend = { policy in
            policy.outliers.mostPercent = 100
            policy.outliers.deviations = 100
            // Hosts whose calls time out look slow, too, and are hardly called any more.
            policy.outliers.leastCalls = 10
        }
        let losses = [
            "duration: 2m",
            "load: [{ to: leaf, task: look, cameras: 10, every: 100ms, unsure: 100% }]",
            "engines: [{ of: all, time: 1ms, workers: 64 }]",
            "network:", "  - { between: [leaf, regional], latency: 1ms }",
            "  - { between: [leaf, region-0], loss: 25% }",
            "  - { between: [leaf, region-1], loss: 20% }",
            "  - { between: [leaf, region-2], loss: 15% }",
        ]
        let regions = try fleet(leaves: 1, regions: 6, deadline: "100ms")
        #expect(try broken(regions, losses, planted).invariant == .ejectionsBounded)
    }

    @Test func `An admission that sheds the wrong frames is found`() throws {
        var planted = Planted()
        planted.amend = { policy in
            policy.admission.shares.realtime = 1
            policy.admission.shares.batch = 97
            policy.admission.shares.standard = 1
            policy.admission.shares.sync = 1
        }
        let crowd = [
            "duration: 30s", "load:",
            "  - { to: leaf, task: look, cameras: 9, every: 40ms }",
            "  - { to: leaf, task: look, cameras: 9, every: 40ms, class: batch }",
            "engines: [{ of: leaf, time: 30ms }]",
        ]
        #expect(try broken(fleet(), crowd, planted).invariant == .shedsLowestFirst)
    }

    @Test func `An answer that is given twice is found`() throws {
        var planted = Planted()
        planted.answersTwice = true
        #expect(try broken(fleet(), outage, planted).invariant == .answeredOnce)
    }

    @Test func `Timers that are lost are found`() throws {
        var planted = Planted()
        planted.losesTimers = true
        let wedge = [
            "duration: 1m", "happenings:",
            "  - { at: 10s, for: 40s, engine: { of: leaf, fault: wedge } }",
        ]
        let found = try broken(fleet(), wedge, planted).invariant
        #expect(found == .deadlineKept || found == .nothingLeaks)
    }

    @Test func `A tie that is broken by the order of a hash is found`() throws {
        var settings = WorldSettings()
        settings.planted.breaksTiesByHash = true
        var size = RandomWorld.Size()
        (size.leaves, size.frames, size.duration) = (4, 1_000, .seconds(60))
        let found = try (UInt64(1)...8).filter { seed in
            let run = try SeedRun(seed: seed, size: size, twice: true, settings: settings)
            return run.violation?.invariant == .sameTrace
        }
        #expect(!found.isEmpty)
    }

    // MARK: Loops of one node

    /// Leaves and regions with several loops and what they share.
    private func loops() throws -> Topology {
        try fleet(
            leaves: 3, regions: 2, leaf: ", loops: 3",
            of: ", loops: 2, workers: 4, routing: { admission: { leaf_frames: 3 } }",
            task: "escalate: { share: 20%, bandwidth: 400kbit/s }")
    }

    private let busy = [
        "duration: 4m",
        "load: [{ to: leaf, task: look, cameras: 9, every: 100ms, unsure: 60%, bytes: 4000 }]",
        "engines: [{ of: leaf, time: 1ms, workers: 4 }, { of: regional, time: 60ms }]",
        "happenings:",
        "  - { at: 30s, for: 40s, kill: region-0 }",
        "  - { at: 40s, for: 20s, partition: { between: [leaf, region-1] } }",
    ]

    private func misread(
        _ change: @escaping @Sendable (ShardMessage) -> ShardMessage?
    ) throws -> Violation.Invariant? {
        var planted = Planted()
        planted.misreads = change
        return try broken(loops(), busy, planted).invariant
    }

    @Test func `An owner that lends a source's limit twice is found`() throws {
        let found = try misread { message in
            guard case .granted(let source, let frames, let asked) = message else { return message }
            return .granted(source: source, frames: max(2 * frames, asked), asked: asked)
        }
        #expect(found == .limitKept)
    }

    @Test func `An owner that refuses what is free is found`() throws {
        let found = try misread { message in
            guard case .granted(let source, _, let asked) = message else { return message }
            return .granted(source: source, frames: 0, asked: asked)
        }
        #expect(found == .limitUsed)
    }

    @Test func `A loop that spends what it has not got is found`() throws {
        let found = try misread { message in
            guard case .lent(let task, var loan) = message else { return message }
            loan.frames += 40
            loan.bytes += 400_000
            loan.level = 1
            return .lent(task: task, loan)
        }
        #expect(found == .budgetKept)
    }

    @Test func `A verdict that is not told is found`() throws {
        let found = try misread { message in
            if case .breaker = message { return nil }
            return message
        }
        #expect(found == .verdictSpreads)
    }

    @Test func `Leave for a trial that everybody gets is found`() throws {
        let found = try misread { message in
            guard case .breaker(let peer, let standing) = message, standing.openUntil != nil else {
                return message
            }
            // Whoever waits for a verdict of the owner takes leave by himself instead.
            return .trial(peer: peer, .init(epoch: standing.epoch, start: .distantFuture))
        }
        #expect(found == .verdictSpreads || found == .oneTrial)
    }
}
