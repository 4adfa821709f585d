import ArgumentParser
import Ground
import Topology

/// `canopy check`: is a topology right?
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a topology, and scenarios for it, and report every fault at once.",
        discussion: """
            Each fault is printed as file:line:column, what is wrong and how to mend it. Exit \
            status 0 when there is none, 1 otherwise. A scenario names nodes, sites and tasks of \
            its topology, so it is checked with it, once that has no faults of its own.
            """)

    @Argument(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Option(help: "A scenario for it, as `canopy simulate` takes one; may be repeated.")
    var scenario: [String] = []

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        do {
            let fleet = try TopologyArgument.read(topology)
            let wrong = try scenario.compactMap { try Self.faults(in: $0, for: fleet) }
            guard wrong.isEmpty else { try refuse(wrong) }
            json ? print(#"{"ok":true,"faults":[]}"#) : summarize(fleet)
        } catch let refusal as TopologyFaults {
            try refuse([refusal])
        }
    }

    private static func faults(
        in scenario: String, for fleet: Topology
    ) throws -> TopologyFaults? {
        do {
            _ = try ScenarioArgument.read(scenario, for: fleet)
            return nil
        } catch let refusal as TopologyFaults {
            return refusal
        }
    }

    /// Tells all that is wrong.
    private func refuse(_ refusals: [TopologyFaults]) throws -> Never {
        guard json else {
            for refusal in refusals { Console.error(refusal) }
            throw ExitCode.failure
        }
        let faults = refusals.flatMap(\.faults).map { fault in
            JSON.object([
                "file": .string(fault.place.file), "line": .integer(fault.place.line),
                "column": .integer(fault.place.column), "problem": .string(fault.problem),
                "remedy": .string(fault.remedy),
            ])
        }
        print(JSON.object(["ok": .bool(false), "faults": .array(faults)]).line)
        throw ExitCode.failure
    }

    private func summarize(_ fleet: Topology) {
        for node in fleet.nodes {
            let upstream = fleet.upstreams(of: node).map(\.name).joined(separator: ", ")
            let arrow = upstream.isEmpty ? "" : " → \(upstream)"
            print("\(node.tier.rawValue.padding(to: 9)) \(node.name)\(arrow)")
        }
        for task in fleet.tasks {
            let tiers = task.tiers.map(\.tier.rawValue).joined(separator: " → ")
            let promise = "\(task.mode.rawValue) within \(task.deadline.text)"
            print("task      \(task.name): \(tiers), \(promise)")
        }
        for path in scenario { print("scenario  \(path)") }
        for notice in fleet.notices { Console.error("note: \(notice)") }
        print("ok")
    }
}
