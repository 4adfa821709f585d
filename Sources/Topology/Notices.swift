extension Topology {
    /// What the files say that no node acts on yet, one line each with its place: whoever reads it
    /// must not believe that it holds.
    public var notices: [String] {
        nodes.flatMap { node -> [String] in
            var lines: [String] = []
            if node.ring != nil { lines.append(notice("ring", "nodes", node.name, "ring")) }
            if let why = unkept(node) {
                lines.append("\(place(of: "nodes", node.name, "budget", "spool")): \(why)")
            }
            return lines
        }
    }

    /// Why what a node owes comes to nothing, `nil` when it does not.
    private func unkept(_ node: NodePlan) -> String? {
        guard node.budget.spool != nil else { return nil }
        guard let hub = hub(of: node) else {
            return "no Canopy above takes what \(node.name) owes; its spool keeps alerts alone"
        }
        guard hub.records == nil else { return nil }
        return "\(hub.name) keeps no records, so \(node.name) keeps what it owes for ever; give"
            + " \(hub.name) `records: { folder: … }`"
    }

    private func notice(_ what: String, _ path: String...) -> String {
        "\(place(of: path)): `\(what)` is checked, and not acted on by this version"
    }
}
