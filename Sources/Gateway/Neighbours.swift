import Ground
import Routing
import Topology
import Wire

/// Which nodes a node's clients may use instead of it.
enum Neighbours {
    /// At most so many are told of: as many as a client keeps in mind and probes.
    static let most = 16

    /// The node itself, the others of its tier at its site, then those of its tier elsewhere, the
    /// nearest first, and those upstream of it. A node that has a task whose payload may not leave
    /// the site names nobody outside it.
    ///
    /// - Parameter clients: how the caller said who it is: a node that has a listener of that kind
    ///   is named with its port.
    static func of(
        _ name: String, in topology: Topology, for clients: Listener.Clients
    ) -> NeighboursResponse {
        guard let node = topology.node(named: name) else { return NeighboursResponse([]) }
        let peers = topology.nodes.filter { $0.tier == node.tier && $0.name != node.name }
        var found = [node] + peers.filter { $0.site == node.site }
        if mayLeave(node, topology) {
            found += byDistance(peers.filter { $0.site != node.site }, from: node, topology)
            found += topology.upstreams(of: node).filter { $0.tier != node.tier }
        }
        let usable = found.filter { $0.speaks == .canopy }
            .compactMap { told($0, topology, clients) }
        return NeighboursResponse(Array(usable.prefix(most)))
    }

    private static func mayLeave(_ node: NodePlan, _ topology: Topology) -> Bool {
        !topology.tasks.contains { $0.payload == .localOnly && $0.tier(node.tier) != nil }
    }

    /// Nodes that nobody located come last, in the order of their names.
    private static func byDistance(
        _ nodes: [NodePlan], from own: NodePlan, _ topology: Topology
    ) -> [NodePlan] {
        guard let here = place(of: own, topology) else { return nodes }
        let far = nodes.map { node in
            (node, place(of: node, topology)?.distance(to: here) ?? .infinity)
        }
        return far.sorted { ($0.1, $0.0.name) < ($1.1, $1.0.name) }.map(\.0)
    }

    private static func place(of node: NodePlan, _ topology: Topology) -> Coordinates? {
        location(of: node, topology).flatMap {
            Coordinates(latitude: $0.latitude, longitude: $0.longitude)
        }
    }

    private static func location(of node: NodePlan, _ topology: Topology) -> Site.Location? {
        node.site.flatMap(topology.site(named:))?.location
    }

    private static func told(
        _ node: NodePlan, _ topology: Topology, _ clients: Listener.Clients
    ) -> Neighbour? {
        // The stated address leads to a listener for certificates, where there is one: also where
        // it is forwarded to from elsewhere, which no listener knows.
        let dialled = clients == .certificate && node.dialledByTLS ? node.dialled : nil
        guard let way = dialled ?? node.way(for: .inference, clients) ?? node.dialled else {
            return nil
        }
        return Neighbour(
            name: node.name, address: way.endpoint.description, tier: node.tier.rawValue,
            site: node.site ?? "",
            location: location(of: node, topology).map {
                Neighbour.Location(latitude: $0.latitude, longitude: $0.longitude)
            }, tls: way.tls)
    }
}
