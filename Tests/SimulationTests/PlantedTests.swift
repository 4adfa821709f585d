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
}
