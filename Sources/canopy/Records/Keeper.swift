import ArgumentParser
import CanopyClient
import Ground
import Topology

/// Which node's records are meant.
struct Keeper: ParsableArguments {
    @Option(help: "The node that keeps them; needed where several do.")
    var node: String?

    @OptionGroup var who: OperatorOptions

    /// The plan of the node of this name, or of the only one that keeps records.
    static func plan(_ fleet: Topology, _ node: String?) throws(Fault) -> NodePlan {
        let keepers = fleet.nodes.filter { $0.records != nil }
        let names = keepers.map(\.name).joined(separator: ", ")
        if let node {
            if let found = keepers.first(where: { $0.name == node }) { return found }
            throw Fault(
                .notFound, "there is no node '\(node)' that keeps records",
                remedy: keepers.isEmpty ? remedy : "there are \(names)")
        }
        guard let only = keepers.first else {
            throw Fault(.notFound, "no node of the topology keeps records", remedy: remedy)
        }
        guard keepers.count == 1 else {
            throw Fault(
                .invalid, "several nodes keep records: \(names)", remedy: "say --node NAME")
        }
        return only
    }

    private static let remedy = "give a regional or cloud node `records: { folder: … }`"

    /// Runs a body with a client and the node; ends the client.
    func ask(
        _ topology: String,
        _ body: (ControlClient, ControlClient.Target) async throws(Fault) -> Void
    ) async throws {
        let fleet = try TopologyArgument.read(topology)
        do throws(Fault) {
            let target = try ControlClient.Target(Self.plan(fleet, node))
            let client = try who.connect(fleet, for: .records)
            defer { client.close() }
            try await body(client, target)
        } catch {
            throw Failure(error)
        }
    }
}
