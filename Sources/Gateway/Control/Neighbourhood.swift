import Ground
import Routing
import Topology
import Wire

/// Which other nodes a client of this node may use: those of the same tier that somebody can dial,
/// its own site first, then the others by what the map says of their distance.
enum Neighbourhood {
    /// Nodes that are named: a client probes each of them twice a second, and needs a few.
    static let most = 16

    /// The node itself, then its neighbours.
    ///
    /// - Parameter clients: how the caller said who it is: a node that has a listener of that kind
    ///   is named with its port.
    static func reply(
        _ topology: Topology, node: NodePlan, to clients: ListenerPlan.Clients
    ) -> NeighboursReply {
        let others = topology.nodes.filter { other in
            other.name != node.name && other.tier == node.tier && other.speaks == .canopy
        }
        let near = others.map { (node: $0, rank: rank($0, seenFrom: node, topology)) }
            .sorted { ($0.rank.0, $0.rank.1, $0.node.name) < ($1.rank.0, $1.rank.1, $1.node.name) }
            .map(\.node)
        let named = ([node] + near).compactMap { describe($0, topology, clients) }
        return NeighboursReply(Array(named.prefix(most)))
    }

    /// Other sites after one's own; nodes that nobody located last.
    private static func rank(
        _ other: NodePlan, seenFrom node: NodePlan, _ topology: Topology
    ) -> (Int, Int64) {
        if other.site != nil, other.site == node.site { return (0, 0) }
        guard let here = place(of: node, topology), let there = place(of: other, topology) else {
            return (2, 0)
        }
        return (1, here.expectedRoundTrip(to: there).nanoseconds)
    }

    private static func place(of node: NodePlan, _ topology: Topology) -> Coordinates? {
        location(node, topology).flatMap {
            Coordinates(latitude: $0.latitude, longitude: $0.longitude)
        }
    }

    private static func location(_ node: NodePlan, _ topology: Topology) -> Site.Location? {
        node.site.flatMap(topology.site(named:))?.location
    }

    private static func describe(
        _ node: NodePlan, _ topology: Topology, _ clients: ListenerPlan.Clients
    ) -> Neighbour? {
        guard let way = node.way(for: .inference, clients) ?? node.dialled else { return nil }
        return Neighbour(
            name: node.name, address: "\(way.endpoint)", tier: node.tier.rawValue,
            site: node.site ?? "",
            location: location(node, topology).map {
                Neighbour.Location(latitude: $0.latitude, longitude: $0.longitude)
            }, tls: way.tls)
    }
}
