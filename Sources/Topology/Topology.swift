public import Ground

/// A whole fleet, checked: immutable, and made only by `init(validating:)`.
///
/// Every name that it refers to exists, every task can run where it says and every bound lies in
/// its range. All lists are sorted by name, so that nothing depends on the order of a file.
public struct Topology: Sendable {
    public let sites: [Site]
    public let nodes: [NodePlan]
    public let tasks: [TaskPlan]
    /// Identities that the files state; see `identity(kind:named:)`.
    public let identities: [Identity]
    /// Folders in which bundles lie, each holding bundle folders. Default `models` beside the file.
    public let models: [String]
    public let trust: Trust
    public let telemetry: TelemetryPlan
    public let alerts: AlertsPlan
    /// The files that it was made of.
    public let files: [String]
    let root: Entry
    /// The nodes above leaves, and those of each site: with 10,000 leaves nobody looks at them all
    /// for each of them.
    private let upper: [NodePlan]
    private let ofSite: [String: [NodePlan]]

    /// Checks what was read.
    ///
    /// - Throws: every fault of all files at once, those of reading among them.
    public init(validating file: TopologyFile) throws(TopologyFaults) {
        let report = Report()
        report.add(contentsOf: file.faults)
        let fields = Fields(file.root, "the topology", report)
        report.isPartial = file.isPartial
        Self.checkVersion(fields)
        sites = fields.named("sites", "site").map(Site.init).sorted { $0.name < $1.name }
        let limits = Limits(fields.fields("limits"), over: Limits())
        let link = LinkPlan(fields.fields("links"), over: LinkPlan())
        let routing = RoutingPlan(fields.fields("routing"), over: RoutingPlan())
        let spool = SpoolPlan(
            fields.fields("spool"), over: SpoolPlan(besides: file.root.place.file))
        let common = NodePlan.Common(limits: limits, link: link, routing: routing, spool: spool)
        var checks = NodeChecks(fields.named("nodes", "node"), common, report)
        checks.run(sites: fields)
        nodes = checks.nodes
        upper = nodes.filter { $0.tier > .leaf }
        ofSite = Dictionary(grouping: nodes.filter { $0.site != nil }) { $0.site ?? "" }
        let stated = fields.named("tasks", "task")
        tasks = stated.map(TaskPlan.init).sorted { $0.name < $1.name }
        TaskChecks(nodes: nodes, areComplete: checks.areComplete && !report.isPartial, report).run(
            tasks)
        let names = stated.map(\.name).sorted()
        let identities = fields.named("identities", "identity")
        self.identities = identities.map { Identity($0, $1, $2, tasks: names) }
            .sorted { $0.name < $1.name }
        Self.checkTokens(self.identities, report)
        SpoolChecks(nodes, areComplete: checks.areComplete && !report.isPartial, report)
            .run(file.root)
        TenantChecks(self.identities, nodes, report).run(file.root)
        let folders: [Placed<String>]? = fields.value("models", .list(of: .path("a folder")))
        models = folders?.map(\.value) ?? [Shape.resolve("models", besides: file.root.place.file)]
        trust = Trust(fields.fields("trust"))
        telemetry = TelemetryPlan(fields.fields("telemetry"))
        let alerts = AlertsPlan(fields.fields("alerts"))
        self.alerts = alerts
        for task in tasks { alerts.check(task.alert?.targets ?? [], report) }
        fields.finish()
        files = file.files
        root = file.root
        if !report.faults.isEmpty { throw TopologyFaults(report) }
    }

    private static func checkVersion(_ fields: Fields) {
        guard let entry = fields.entry("canopy") else {
            if !fields.report.isPartial {
                fields.report.add(
                    fields.place, "the topology does not say which version it is written for",
                    "begin with `canopy: 1`")
            }
            return
        }
        if case .scalar("1") = entry.content { return }
        if case .unreadable = entry.content { return }
        fields.report.add(
            entry.place, "version \(entry.kind) is not known; this program reads version 1",
            "write `canopy: 1`, or use the program that wrote the file")
    }

    private static func checkTokens(_ identities: [Identity], _ report: Report) {
        var owners: [Digest: String] = [:]
        for identity in identities {
            guard let token = identity.token else { continue }
            if let owner = owners[token] {
                report.add(
                    identity.place,
                    "identity \(quoted(identity.name)) has the same token as \(quoted(owner))",
                    "give each a token of its own")
            }
            owners[token] = identity.name
        }
    }
}

extension Topology {
    public func site(named name: String) -> Site? { Self.find(name, sites, \.name) }
    public func node(named name: String) -> NodePlan? { Self.find(name, nodes, \.name) }
    public func task(named name: String) -> TaskPlan? { Self.find(name, tasks, \.name) }

    /// Who shows a certificate of this kind and name, or `nil` when nobody known does. Each node of
    /// the topology is known without being stated.
    public func identity(kind: Identity.Kind, named name: String) -> Identity? {
        if let stated = Self.find(name, identities, \.name), stated.kind == kind { return stated }
        return kind == .node ? node(named: name).map(Identity.init) : nil
    }

    /// Who owns the token with this SHA-256, or `nil`.
    public func identity(token: Digest) -> Identity? { identities.first { $0.token == token } }

    /// The nodes that `node` asks: those it names in that order, or all of the next tier that has
    /// nodes, by name.
    public func upstreams(of node: NodePlan) -> [NodePlan] {
        node.upstream.compactMap { self.node(named: $0) }
    }

    /// The nodes that `node` may ask about `task`, lowest tier first: of those it names, all that
    /// run the task; without names, all that run it on the task's next tier.
    public func upstreams(of node: NodePlan, for task: TaskPlan) -> [NodePlan] {
        TaskChecks.upstreams(of: node, for: task, among: upper)
    }

    /// The nodes of tiers further up that `node` may turn to about `task` when those of
    /// `upstreams(of:for:)` cannot take it, lowest tier first. None when the node names its
    /// upstream nodes: then it asks those and nobody else.
    public func spills(of node: NodePlan, for task: TaskPlan) -> [NodePlan] {
        guard !node.statesUpstream else { return [] }
        let above = upstreams(of: node, for: task).last?.tier
        return TaskChecks.able(above: node, task, among: upper)
            .filter { other in above.map { other.tier > $0 } ?? false && other.address != nil }
            .sorted { ($0.tier, $0.name) < ($1.tier, $1.name) }
    }

    /// The other nodes of the same tier and site that run `task` and can be dialled.
    public func neighbours(of node: NodePlan, for task: TaskPlan) -> [NodePlan] {
        guard let site = node.site, let plan = task.tier(node.tier) else { return [] }
        return (ofSite[site] ?? []).filter { other in
            other.tier == node.tier && other.name != node.name && other.speaks == .canopy
                && other.address != nil && plan.model.runs(on: other)
        }
    }

    /// Where the files say something: `place(of: "nodes", "leaf", "budget", "memory")`. For what is
    /// not said, the nearest thing above it that is.
    public func place(of path: String...) -> Place { place(of: path) }

    /// The same, of keys in a list.
    public func place(of path: [String]) -> Place {
        var (entry, place) = (root, root.place)
        for key in path {
            guard let member = entry[key] else { break }
            (entry, place) = (member.value, member.spot)
        }
        return place
    }

    /// Finds by name in a list that is sorted by it.
    static func find<Item>(
        _ name: String, _ items: [Item], _ key: (Item) -> String
    ) -> Item? {
        var (low, high) = (0, items.count)
        while low < high {
            let middle = (low + high) / 2
            if key(items[middle]) < name { low = middle + 1 } else { high = middle }
        }
        return low < items.count && key(items[low]) == name ? items[low] : nil
    }
}
