import ArgumentParser
import Ground
import Simulation
import Storage
import Topology

/// Runs the simulator at scale.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Measure the simulator.")

    @Argument var topology: String
    @Option var scenario: String?
    @Option var seed: UInt64 = 1
    @Option var seconds: Int = 60

    func run() throws {
        let fleet = try Topology(validating: TopologyFile(at: topology, from: FileDisk()))
        let plan = try scenario.map {
            try Scenario(
                validating: TopologyFile(at: $0, from: FileDisk(), of: .scenario), for: fleet)
        }
        let clock = ContinuousClock()
        var simulation = try Simulation(fleet, plan ?? Scenario(for: fleet), seed: seed)
        let start = clock.now
        simulation.run(until: .seconds(Int64(seconds)))
        let took = start.duration(to: clock.now)
        let events = simulation.events
        let rate = Double(events) / (took / .seconds(1))
        print("\(events) events in \(took): \(Int(rate)) a second; trace \(simulation.trace)")
        print(simulation.violation.map { "\($0)" } ?? "all invariants hold")
        let total = simulation.report.total
        print(total.sent, total.answers, total.degraded, total.refused, total.lost)
    }
}
