/// Whether what nodes owe has somewhere to go.
struct SpoolChecks {
    private let nodes: [NodePlan]
    private let areComplete: Bool
    private let report: Report

    init(_ nodes: [NodePlan], areComplete: Bool, _ report: Report) {
        self.nodes = nodes
        self.areComplete = areComplete
        self.report = report
    }

    /// `topology` is the root, whose `spool` and whose nodes' `spool` say it.
    func run(_ topology: Entry) {
        for node in nodes where node.speaks == .canopy {
            let own = topology["nodes"]?.value[node.name]?.value["spool"]
            if let own, node.budget.spool == nil {
                report.add(
                    own.value.place,
                    "node \(quoted(node.name)) has settings for a spool, and no room for one",
                    "say how much it may keep: `budget: { spool: 2GiB }`")
            }
            guard node.budget.spool != nil, let name = node.spool.to else { continue }
            let stated = (own ?? topology["spool"])?.value["to"]?.value.place
            check(name, of: node, at: stated ?? node.place)
        }
    }

    private func check(_ name: String, of node: NodePlan, at place: Place) {
        guard let hub = nodes.first(where: { $0.name == name }) else {
            guard areComplete else { return }
            return report.add(
                place, "there is no node \(quoted(name))",
                Nearest.remedy(for: name, among: nodes.map(\.name)))
        }
        guard hub.tier > node.tier, hub.speaks == .canopy, hub.address != nil else {
            return report.add(
                place,
                "\(quoted(name)) cannot take what \(quoted(node.name)) owes",
                "name a Canopy node of a higher tier that has an address")
        }
    }
}
