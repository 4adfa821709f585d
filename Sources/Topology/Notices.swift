extension Topology {
    /// What the files say that no node acts on yet, one line each with its place: whoever reads it
    /// must not believe that it holds.
    public var notices: [String] {
        nodes.flatMap { node -> [String] in
            var lines: [String] = []
            if node.ring != nil { lines.append(notice("ring", "nodes", node.name, "ring")) }
            if node.budget.spool != nil {
                lines.append(notice("budget.spool", "nodes", node.name, "budget", "spool"))
            }
            return lines
        }
    }

    private func notice(_ what: String, _ path: String...) -> String {
        "\(place(of: path)): `\(what)` is checked, and not acted on by this version"
    }
}
