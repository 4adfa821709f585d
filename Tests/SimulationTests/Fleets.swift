import Ground
import Testing
import Topology

@testable import Simulation

/// A small fleet with `regions` regional nodes over `leaves` leaves, for one task.
func fleet(
    leaves: Int = 2, regions: Int = 2, leaf own: String = "", of regional: String = "",
    deadline: String = "500ms", task: String = ""
) throws -> Topology {
    var lines = ["canopy: 1", "nodes:"]
    for leaf in 0..<leaves {
        lines.append("  leaf-\(leaf): { tier: leaf, listen: 0.0.0.0:1\(own) }")
    }
    for region in 0..<regions {
        lines.append(
            "  region-\(region): { tier: regional, listen: 0.0.0.0:1,"
                + " address: r\(region).example:1\(regional) }")
    }
    let digest = "sha256:" + String(repeating: "1", count: 64)
    lines += [
        "tasks:", "  look:", "    leaf: { bundle: \(digest), accept: 0.9 }",
        "    regional: { bundle: \(digest) }", "    deadline: \(deadline)",
    ]
    if !task.isEmpty { lines.append("    \(task)") }
    return try Topology(
        validating: TopologyFile(text: lines.joined(separator: "\n"), name: "fleet.yaml"))
}

/// A scenario of these lines.
func scenario(_ lines: String..., for topology: Topology) throws -> Scenario {
    let text = (["scenario: 1"] + lines).joined(separator: "\n")
    return try Scenario(
        validating: TopologyFile(text: text, name: "scenario.yaml", of: .scenario), for: topology)
}

/// Lives through a scenario to its end.
func simulate(
    _ topology: Topology, _ scenario: Scenario, seed: UInt64 = 1, _ planted: Planted = Planted()
) throws -> Simulation {
    var settings = WorldSettings()
    settings.planted = planted
    var simulation = try Simulation(topology, scenario, seed: seed, settings: settings)
    simulation.finish()
    return simulation
}
