/// Whether the tenants that `routing` names are somebody's.
struct TenantChecks {
    private let known: [String]
    private let report: Report

    init(_ identities: [Identity], _ nodes: [NodePlan], _ report: Report) {
        known = Set(identities.map(\.tenant) + nodes.map(\.name)).sorted()
        self.report = report
    }

    /// `topology` is the root, whose `routing` and whose nodes' `routing` may name tenants.
    func run(_ topology: Entry) {
        check(topology)
        for node in topology["nodes"]?.value.members ?? [] { check(node.value) }
    }

    private func check(_ owner: Entry) {
        let tenants = owner["routing"]?.value["admission"]?.value["tenants"]?.value.members ?? []
        for tenant in tenants where !known.contains(tenant.key) && !report.isPartial {
            report.add(
                tenant.place, "no identity has the tenant \(quoted(tenant.key))",
                Nearest.remedy(for: tenant.key, among: known))
        }
    }
}
