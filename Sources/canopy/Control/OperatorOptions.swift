import ArgumentParser
import CanopyClient
import Cryptography
import Ground
import Storage
import Topology

/// As whom an operator speaks to the nodes.
struct OperatorOptions: ParsableArguments {
    @Option(
        name: .customLong("as"),
        help: "Whose certificate to show; by default that of the topology's first role."
    )
    var identity: String?

    @Option(help: "Folder of the certificates, with ca.pem in it; the topology's by default.")
    var certificates: String?

    @Option(help: "How long a node may take to answer, in milliseconds.")
    var timeout = 3_000

    func validate() throws {
        guard (10...600_000).contains(timeout) else {
            throw ValidationError("--timeout must be from 10 to 600000 milliseconds")
        }
    }

    var patience: Interval { .milliseconds(Int64(timeout)) }

    /// A client that shows the certificate of a role with this verb.
    func connect(
        _ fleet: Topology, for verb: Identity.Verb = .control
    ) throws(Fault) -> ControlClient {
        let folder = certificates ?? fleet.trust.certificates
        let disk = FileDisk()
        let authority = certificates.map { "\($0)/ca.pem" } ?? fleet.trust.authority
        let trust = try disk.read(authority, limit: 1 << 20)
        let name = try role(fleet, in: folder, verb)
        let credentials = try CredentialFiles(folder: folder, name: name).load(from: disk)
        return try ControlClient(trust: trust, credentials: credentials)
    }

    private func role(
        _ fleet: Topology, in folder: String, _ verb: Identity.Verb
    ) throws(Fault) -> String {
        if let identity { return identity }
        let roles = fleet.identities.filter { $0.verbs.contains(verb) }.map(\.name)
        let disk = FileDisk()
        let found = roles.first { disk.size(CredentialFiles(folder: folder, name: $0).key) != nil }
        if let found { return found }
        throw Fault(
            .notFound,
            verb == .records
                ? "no certificate in \(folder) may see the nodes' records"
                : "no certificate in \(folder) may control the nodes",
            remedy: roles.first.map {
                "make one: canopy cert issue --folder \(folder) --role \($0)"
            } ?? "name a role in the topology: `identities: { operator: { kind: role } }`")
    }
}

/// One node of a topology, for a command to it.
struct NodeChoice: ParsableArguments {
    @Argument(help: "Name of the node in the topology.")
    var node: String

    @Option(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @OptionGroup var who: OperatorOptions

    /// Runs a body with a client and the node that was named; ends the client.
    func ask(
        _ body: (ControlClient, ControlClient.Target) async throws(Fault) -> Void
    ) async throws {
        let fleet = try TopologyArgument.read(topology)
        do throws(Fault) {
            guard let plan = fleet.node(named: node) else {
                let names = fleet.nodes.map(\.name).joined(separator: ", ")
                throw Fault(.notFound, "there is no node '\(node)'", remedy: "there are \(names)")
            }
            let target = try ControlClient.Target(plan)
            let client = try who.connect(fleet)
            defer { client.close() }
            try await body(client, target)
        } catch {
            throw Failure(error)
        }
    }
}

extension ControlClient.Target {
    /// Where a node of a topology serves control.
    init(_ plan: NodePlan) throws(Fault) {
        guard plan.speaks == .canopy else {
            throw Fault(.unsupported, "a foreign server, which knows no control")
        }
        guard let way = plan.way(for: .control, .certificate) else {
            throw Fault(
                .notFound, "no address of '\(plan.name)' is known that serves control",
                remedy: "let a listener with certificates serve control, and give `address` when it"
                    + " listens on a wildcard")
        }
        self.init(name: plan.name, endpoint: way.endpoint)
    }
}
