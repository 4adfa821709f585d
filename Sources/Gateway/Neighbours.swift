import Ground
import Routing
import Topology
import Wire

/// Which nodes a node's clients may use instead of it.
enum Neighbours {
    /// At most so many are told of: as many as a client keeps in mind.
    static let most = 16

    /// The node itself, the others of its tier at its site, then those of its tier elsewhere, the
    /// nearest first, and those upstream of it. A node that has a task whose payload may not leave
    /// the site names nobody outside it.
    static func of(_ name: String, in topology: Topology) -> NeighboursResponse {
        guard let own = topology.node(named: name) else { return NeighboursResponse([]) }
        let peers = topology.nodes.filter { $0.tier == own.tier && $0.name != name }
        var found = [own] + peers.filter { $0.site == own.site }
        if mayLeave(own, topology) {
            found += byDistance(peers.filter { $0.site != own.site }, from: own, topology)
            found += topology.upstreams(of: own)
        }
        let usable = found.filter { $0.speaks == .canopy }.compactMap { told($0, topology) }
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
        guard let location = node.site.flatMap(topology.site(named:))?.location else { return nil }
        return Coordinates(latitude: location.latitude, longitude: location.longitude)
    }

    private static func told(_ node: NodePlan, _ topology: Topology) -> Neighbour? {
        guard let address = node.address else { return nil }
        let location = node.site.flatMap(topology.site(named:))?.location
        return Neighbour(
            name: node.name, address: address.description, tier: node.tier.rawValue,
            site: node.site ?? "", location: location.map { ($0.latitude, $0.longitude) },
            tls: node.dialledByTLS)
    }
}
