import ArgumentParser
import Ground
import Topology

/// `canopy check`: is a topology right?
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a topology file and report every fault of it at once.",
        discussion: """
            Each fault is printed as file:line:column, what is wrong and how to mend it. Exit status
            0 when there is none, 1 otherwise.
            """)

    @Argument(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        do {
            let fleet = try TopologyArgument.read(topology)
            json ? print(#"{"ok":true,"faults":[]}"#) : summarize(fleet)
        } catch let refusal as TopologyFaults where json {
            let faults = refusal.faults.map { fault in
                JSON.object([
                    "file": .string(fault.place.file), "line": .integer(fault.place.line),
                    "column": .integer(fault.place.column), "problem": .string(fault.problem),
                    "remedy": .string(fault.remedy),
                ])
            }
            print(JSON.object(["ok": .bool(false), "faults": .array(faults)]).line)
            throw ExitCode.failure
        } catch let refusal as TopologyFaults {
            for fault in refusal.faults { Console.error("\(fault)") }
            if refusal.omitted > 0 { Console.error("… and \(refusal.omitted) more") }
            throw ExitCode.failure
        }
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
        for notice in fleet.notices { Console.error("note: \(notice)") }
        print("ok")
    }
}
