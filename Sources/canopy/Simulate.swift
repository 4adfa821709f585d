import ArgumentParser
import Ground
import Simulation
import Storage
import Topology

/// `canopy simulate`: what an edit or an outage would do.
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Live through a scenario with a topology's nodes, in virtual time.",
        discussion: """
            The nodes decide as they do in a fleet; cameras, links, engines and clocks are \
            virtual, so that hours pass in seconds and nothing is touched. What is said: who \
            answered, how fast, what was shed or degraded, and how many bytes went, for each site.

            Without a scenario each leaf has one camera per task and nothing goes wrong. The same \
            seed gives the same result on every machine. Exit status 1 when the simulation shows \
            that a promise of the nodes was broken.
            """)

    @Argument(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Option(help: "What happens: a YAML file such as those in Topology/scenarios.")
    var scenario: String?

    @Option(help: "Of all that is random.")
    var seed: UInt64 = 1

    @Option(help: "Hours of virtual time, instead of the scenario's own.")
    var hours: Double?

    @Option(help: "Also write the result as JSON to this file; - prints it instead of the tables.")
    var json: String?

    @Option(help: "Also write the result as one HTML page with plots to this file.")
    var page: String?

    /// A year, as scenarios may last.
    private static let mostHours = 366.0 * 24

    func validate() throws {
        if let hours, !(hours > 0 && hours <= Self.mostHours) {
            throw ValidationError("--hours wants a number above 0, at most \(Self.mostHours)")
        }
    }

    func run() throws {
        let fleet = try TopologyArgument.read(topology)
        let plan = try readScenario(for: fleet)
        let report = try attempt { () throws(Fault) in
            var simulation = try Simulation(fleet, plan, seed: seed)
            pass(&simulation, plan.duration)
            if simulation.violation != nil {
                for line in try simulation.story() { Console.error(line) }
            }
            return simulation.report
        }
        try write(report)
        if let broken = report.violation {
            Console.error("broken at node \(broken.node): \(broken.invariant.rawValue)")
            throw ExitCode.failure
        }
    }

    private func readScenario(for fleet: Topology) throws -> Scenario {
        let plan = try scenario.map { try Self.read($0, for: fleet) } ?? Scenario(for: fleet)
        return hours.map { plan.lasting(.nanoseconds(Int64($0 * 3.6e12))) } ?? plan
    }

    private static func read(_ path: String, for fleet: Topology) throws -> Scenario {
        do {
            return try ScenarioArgument.read(path, for: fleet)
        } catch let faults as TopologyFaults {
            Console.error(faults)
            throw ExitCode.failure
        }
    }

    /// Lets time pass in hundredths, so that a person sees how far it is.
    private func pass(_ simulation: inout Simulation, _ duration: Interval) {
        for part in 1...100 {
            simulation.run(until: .nanoseconds(duration.nanoseconds / 100 * Int64(part)))
            if Console.isTerminal, part % 5 == 0 { Console.show("\r\(part) % ") }
        }
        simulation.finish()
        if Console.isTerminal { Console.show("\r      \r") }
    }

    private func write(_ report: SimulationReport) throws {
        try attempt { () throws(Fault) in
            if let page { try FileDisk().replace(page, with: Array(report.page.utf8)) }
            if let json, json != "-" {
                try FileDisk().replace(json, with: report.json.canonical)
            }
        }
        print(json == "-" ? report.json.line : report.text)
    }
}
