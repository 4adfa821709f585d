import Ground

/// What a scenario may point at: a node, all nodes of a site, all of a tier, or `all`. Where a name
/// is several of these, the narrowest is meant.
struct Targets {
    private let topology: Topology
    private let words: [String]

    init(_ topology: Topology) {
        self.topology = topology
        let tiers = Tier.allCases.map(\.rawValue)
        let names = topology.nodes.map(\.name) + topology.sites.map(\.name)
        words = names + (tiers + [Self.everything]).filter { !names.contains($0) }
    }

    private static let everything = "all"

    /// Indexes into the topology's nodes, ascending; `nil` when nothing has that name.
    func nodes(_ word: String) -> [Int]? {
        let nodes = topology.nodes
        if let index = nodes.firstIndex(where: { $0.name == word }) { return [index] }
        if topology.site(named: word) != nil {
            return nodes.indices.filter { nodes[$0].site == word }
        }
        if let tier = Tier(rawValue: word) {
            return nodes.indices.filter { nodes[$0].tier == tier }
        }
        return word == Self.everything ? Array(nodes.indices) : nil
    }

    /// What to write instead of a word that nothing is called.
    func remedy(for word: String) -> String { Nearest.remedy(for: word, among: words) }
}

/// Nodes that a scenario means, and how it calls them.
public struct Target: Hashable, Sendable {
    /// As the file says it.
    public let name: String
    /// Indexes into `Topology.nodes`, ascending. Never empty.
    public let nodes: [Int]
}

extension Shape<Target> {
    static func target(_ targets: Targets) -> Shape {
        Shape("the name of a node, a site or a tier, or `all`") { text throws(Units.Misfit) in
            guard let nodes = targets.nodes(text) else {
                throw Units.Misfit(
                    problem: "is no node, site or tier", remedy: targets.remedy(for: text))
            }
            guard !nodes.isEmpty else {
                throw Units.Misfit(
                    problem: "has no nodes", remedy: "name a node, a site or a tier that has some")
            }
            return Target(name: text, nodes: nodes)
        }
    }
}

/// The two sides of the links that a scenario means.
public struct Sides: Hashable, Sendable {
    public let one: Target
    public let other: Target
}

extension Shape<Sides> {
    static func sides(_ targets: Targets) -> Shape {
        let expected = "two names of nodes, sites or tiers, such as [mill, eu-west]"
        return Shape(expected) { entry, name, report in
            guard case .list(let items) = entry.content, items.count == 2 else {
                if case .unreadable = entry.content { return nil }
                report.add(entry.place, "\(name) is not two names", "give \(expected)")
                return nil
            }
            let sides = items.map { Shape<Target>.target(targets).read($0, name, report) }
            guard let one = sides[0], let other = sides[1] else { return nil }
            return Sides(one: one, other: other)
        }
    }
}
