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
    /// By number.
    private(set) var tenants: [Tenant?] = [nil]

    /// 0 for whoever is not known by name. `isNew` when nobody of that name came before.
    mutating func number(of tenant: Tenant?) -> (number: Int, isNew: Bool) {
        guard let tenant else { return (0, false) }
        if let number = numbers[tenant] { return (number, false) }
        guard tenants.count < Self.most else { return (0, false) }
        numbers[tenant] = tenants.count
        tenants.append(tenant)
        return (tenants.count - 1, true)
    }
}

/// How many frames each tenant may have under way on one loop.
struct TenantLimits: Sendable {
    let plan: AdmissionPlan
    let loops: Int

    init(_ plan: AdmissionPlan, loops: Int) {
        self.plan = plan
        self.loops = loops
    }

    /// `nil` is no limit. Loops share a limit, so that together they never pass it.
    func frames(of tenant: Tenant?) -> Int? {
        guard let tenant else { return nil }
        let stated = plan.frames(of: tenant.name) ?? (tenant.isNode ? plan.leafFrames : nil)
        return stated.map { max(1, $0 / loops) }
    }
}
