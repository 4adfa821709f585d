import ArgumentParser
import Ground
import Topology

/// `canopy explain offline SITE`.
struct ExplainOffline: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offline",
        abstract: "Say what a site does when it is cut off, in at most 120 words.",
        discussion: """
            All of it follows from the topology; no node is asked.

              canopy explain offline mill --topology Topology/demo.yaml
            """)

    @Argument(help: "Name of the site in the topology.")
    var site: String

    @Option(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    func run() throws {
        let fleet = try TopologyArgument.read(topology)
        guard let words = fleet.offlineWords(site: site) else {
            let known = fleet.sites.map(\.name).joined(separator: ", ")
            throw Failure(
                Fault(
                    .notFound, "the topology has no site '\(site)'",
                    remedy: known.isEmpty ? "name one under `sites:`" : "it has \(known)"))
        }
        print(words)
    }
}
