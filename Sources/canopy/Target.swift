import ArgumentParser
import CanopyClient
import Ground
import Storage
import Topology

/// Which nodes, and who is asking.
struct Target: ParsableArguments {
    @Option(help: "A topology that names the nodes, instead of --to.")
    var topology: String?

    @Option(
        help: ArgumentHelp(
            "Name of a node in the topology; also whose certificate is expected with --to. May be"
                + " repeated. (default: leaf)"))
    var node: [String] = []

    @Option(help: "Address of a node, as host:port; may be repeated.")
    var to: [String] = []

    @Option(help: "Address of a node that names its neighbours, instead of --to.")
    var seed: String?

    @Flag(help: "Plain text, for nodes on this machine.")
    var plain = false

    @Option(name: .customLong("as"), help: "Whose certificate to show: NAME.pem and NAME.key.")
    var identity: String?

    @Option(help: "Folder of the certificates, with ca.pem in it.")
    var certificates: String?

    /// Whether frames go to the nearest of several nodes.
    var roams: Bool { seed != nil || max(to.count, node.count) > 1 }

    func validate() throws {
        if !to.isEmpty, seed != nil { throw ValidationError("give --to or --seed, not both") }
        let places = seed == nil ? to.count : 1
        if topology == nil, places > 0, node.count > 0, node.count != places {
            throw ValidationError(
                "\(places) addresses and \(node.count) names of nodes came; give as many of each,"
                    + " or no names")
        }
    }

    /// - Parameter cameras: how many streams there will be; a connection carries 64 of them.
    func connect(cameras: Int = 1) throws(Fault) -> CanopyClient {
        let connections = max(2, (cameras + 63) / 64)
        let fleet: Topology? = if let topology { try read(topology) } else { nil }
        let nodes = try addresses(in: fleet)
        let identity = try identity(certificates ?? fleet?.trust.certificates ?? "certificates")
        guard seed == nil else {
            return try CanopyClient(seed: nodes[0], identity: identity, connections: connections)
        }
        return try CanopyClient(nodes: nodes, identity: identity, connections: connections)
    }

    private func addresses(in fleet: Topology?) throws(Fault) -> [NodeAddress] {
        let places = seed.map { [$0] } ?? to
        var nodes: [NodeAddress] = []
        for (index, place) in places.enumerated() {
            // One node without a name is a leaf; of several, each certificate names its host.
            let name = index < node.count ? node[index] : roams ? nil : "leaf"
            nodes.append(try NodeAddress(place, name: name))
        }
        if let fleet, nodes.isEmpty {
            for name in node.isEmpty ? ["leaf"] : node {
                guard let plan = fleet.node(named: name) else {
                    throw Fault(.notFound, "the topology has no node '\(name)'")
                }
                guard let address = plan.address else {
                    throw Fault(
                        .invalid, "the topology does not say where '\(name)' is dialled",
                        remedy: "add its `address`, or give --to HOST:PORT")
                }
                nodes.append(NodeAddress(address, name: name))
            }
        }
        guard !nodes.isEmpty else {
            throw Fault(
                .invalid, "no node to send to",
                remedy: "give --to HOST:PORT, or --topology FILE and --node NAME")
        }
        return nodes
    }

    private func identity(_ folder: String) throws(Fault) -> ClientIdentity {
        plain ? .plain : try .certified(folder: folder, name: identity)
    }

    private func read(_ path: String) throws(Fault) -> Topology {
        do {
            return try Topology(validating: TopologyFile(at: path, from: FileDisk()))
        } catch let faults as TopologyFaults {
            throw faults.fault
        } catch {
            throw error as? Fault ?? Fault(.inner, "\(error)")
        }
    }
}
