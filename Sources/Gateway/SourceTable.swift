import Topology

/// Whose share of a node's limits a caller uses.
struct Tenant: Hashable, Sendable {
    let name: String
    /// Whether it is a node, which sends what others sent to it.
    let isNode: Bool

    init(_ identity: Identity) {
        name = identity.tenant
        isNode = identity.kind == .node
    }
}

/// Numbers those who send frames, so that the node's decisions need no names.
struct SourceTable {
    /// Tenants that are told apart. Every one is in the topology, so this is no bound that a
    /// client could reach; those beyond share the place of whoever is not known.
    static let most = 65_536

    private var numbers: [Tenant: Int] = [:]

    /// 0 for whoever is not known by name.
    mutating func number(of tenant: Tenant?) -> Int {
        guard let tenant else { return 0 }
        if let number = numbers[tenant] { return number }
        guard numbers.count < Self.most else { return 0 }
        numbers[tenant] = numbers.count + 1
        return numbers.count
    }
}
