import Ground

/// What tasks and nodes together show: whether every tier of a task has a node that can run it, and
/// whether every frame that may escalate has somewhere to go.
struct TaskChecks {
    private let nodes: [NodePlan]
    /// Whether all nodes are known; else a node that seems to be missing may be one of the others.
    private let areComplete: Bool
    private let report: Report

    init(nodes: [NodePlan], areComplete: Bool, _ report: Report) {
        self.nodes = nodes
        self.areComplete = areComplete
        self.report = report
    }

    func run(_ tasks: [TaskPlan]) {
        guard areComplete else { return }
        for task in tasks {
            for tier in task.tiers { checkNodes(task, tier) }
            checkWays(task)
        }
    }

    private func checkNodes(_ task: TaskPlan, _ plan: TierPlan) {
        let ofTier = nodes.filter { $0.tier == plan.tier }
        guard !ofTier.contains(where: plan.model.runs(on:)) else { return }
        let remedy: String
        switch (ofTier.isEmpty, plan.model) {
        case (true, _): remedy = "add a node with `tier: \(plan.tier)`, or remove the tier here"
        case (false, .bundle), (false, .identity):
            remedy = "the \(plan.tier) nodes are foreign servers: name their `model` instead"
        case (false, .foreign):
            remedy =
                "the \(plan.tier) nodes are Canopy's: give a `bundle`, or let one of them have"
                + " `protocol: open-inference`"
        }
        report.add(
            plan.place, "task \(quoted(task.name)) has no \(plan.tier) node that can run it",
            remedy)
    }

    /// Whether each node that runs a task below its last tier knows one above it that runs it too.
    private func checkWays(_ task: TaskPlan) {
        guard task.payload != .localOnly, let last = task.tiers.last else { return }
        for node in nodes where node.statesUpstream && node.tier < last.tier {
            guard task.tier(node.tier) != nil,
                Self.upstreams(of: node, for: task, among: nodes).isEmpty
            else { continue }
            report.add(
                node.place,
                "node \(quoted(node.name)) cannot escalate task \(quoted(task.name)): none of its"
                    + " upstream nodes runs it",
                "name one in its `upstream`, or remove `upstream` to use them all")
        }
    }

    /// See `Topology.upstreams(of:for:)`.
    static func upstreams(
        of node: NodePlan, for task: TaskPlan, among nodes: [NodePlan]
    ) -> [NodePlan] {
        if node.statesUpstream {
            let stated = node.upstream.compactMap { Topology.find($0, nodes, \.name) }
            let named = able(above: node, task, among: stated)
            return Tier.allCases.flatMap { tier in named.filter { $0.tier == tier } }
        }
        let able = able(above: node, task, among: nodes)
        let next = able.map(\.tier).min()
        return able.filter { $0.tier == next }
    }

    /// Those of `nodes` that are above `node` and run `task`.
    static func able(
        above node: NodePlan, _ task: TaskPlan, among nodes: [NodePlan]
    ) -> [NodePlan] {
        nodes.filter { $0.tier > node.tier && task.tier($0.tier)?.model.runs(on: $0) == true }
    }
}

extension TierPlan.Model {
    /// Whether a node's kind is the one that this model is for.
    func runs(on node: NodePlan) -> Bool {
        switch self {
        case .bundle, .identity: node.speaks == .canopy
        case .foreign: node.speaks == .openInference
        }
    }
}
