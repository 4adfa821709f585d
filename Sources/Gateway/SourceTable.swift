import Synchronization
import Topology

/// Whose share of a node's limits a caller uses.
struct Tenant: Hashable, Sendable {
    let name: String
    /// Whether it is a node, which sends what others sent to it.
    let isNode: Bool

    init(name: String, isNode: Bool) {
        self.name = name
        self.isNode = isNode
    }

    init(_ identity: Identity) {
        name = identity.tenant
        isNode = identity.kind == .node
    }
}

/// Numbers those who send frames, so that the node's decisions need no names: the same number on
/// all loops, since a limit is one for all of them. From any thread.
final class SourceNumbers: Sendable {
    /// Tenants that are told apart. Every one is in the topology, so this is no bound that a
    /// client could reach; those beyond share the place of whoever is not known.
    static let most = 65_536

    private let numbers = Mutex<[Tenant: Int]>([:])

    /// The number of a tenant, from 1; 0 when there are too many.
    func number(of tenant: Tenant) -> Int {
        numbers.withLock { numbers in
            if let number = numbers[tenant] { return number }
            guard numbers.count + 1 < Self.most else { return 0 }
            let number = numbers.count + 1
            numbers[tenant] = number
            return number
        }
    }
}

/// The tenants that one loop has met. Each is looked up in `SourceNumbers` once.
struct SourceTable {
    private let all: SourceNumbers
    private var numbers: [Tenant: Int] = [:]

    init(_ all: SourceNumbers) { self.all = all }

    /// Tenants that came so far, with their numbers.
    var known: [(tenant: Tenant, number: Int)] {
        numbers.map { ($0.key, $0.value) }.sorted { $0.number < $1.number }
    }

    /// 0 for whoever is not known by name. `isNew` when nobody of that name came here before.
    mutating func number(of tenant: Tenant?) -> (number: Int, isNew: Bool) {
        guard let tenant else { return (0, false) }
        if let number = numbers[tenant] { return (number, false) }
        let number = all.number(of: tenant)
        guard number > 0 else { return (0, false) }
        numbers[tenant] = number
        return (number, true)
    }
}

/// How many frames each tenant may have under way on all loops.
struct TenantLimits: Sendable {
    let plan: AdmissionPlan

    init(_ plan: AdmissionPlan) { self.plan = plan }

    /// `nil` is no limit.
    func frames(of tenant: Tenant?) -> Int? {
        guard let tenant else { return nil }
        return plan.frames(of: tenant.name) ?? (tenant.isNode ? plan.leafFrames : nil)
    }
}
