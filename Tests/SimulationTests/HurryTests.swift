import Testing
import Topology

@testable import Simulation

/// Tasks that have little time beside others that have much.
@Suite struct HurryTests {
    @Test func `A task in a hurry does not close the way to a far cloud for others`() throws {
        let digest = "sha256:" + String(repeating: "1", count: 64)
        let tiers = """
                leaf: { bundle: \(digest), accept: 0.9 }
                regional: { bundle: \(digest), accept: 0.9 }
                cloud: { bundle: \(digest) }
            """
        let text = """
            canopy: 1
            nodes:
              leaf: { tier: leaf, listen: 0.0.0.0:1 }
              regional: { tier: regional, listen: 0.0.0.0:1, address: r.example:1 }
              cloud: { tier: cloud, listen: 0.0.0.0:1, address: c.example:1 }
            tasks:
              quick:
            \(tiers)
                deadline: 200ms
              patient:
            \(tiers)
                deadline: 3s
            """
        let topology = try Topology(validating: TopologyFile(text: text, name: "hurry.yaml"))
        let plan = try scenario(
            "duration: 10m", "load:",
            "  - { to: leaf, task: quick, cameras: 2, every: 200ms, unsure: 30% }",
            "  - { to: leaf, task: patient, every: 1s, unsure: 30% }", "network:",
            "  - { between: [leaf, regional], latency: 5ms }",
            "  - { between: [regional, cloud], latency: 150ms, jitter: 10ms }", for: topology)
        let simulation = try simulate(topology, plan)
        #expect(simulation.violation == nil)
        let patient = try #require(simulation.report.tasks.first { $0.name == "patient" }?.frames)
        #expect(patient.answers[2] > 30)
        #expect(patient.degraded.reduce(0, +) == 0)
    }
}
