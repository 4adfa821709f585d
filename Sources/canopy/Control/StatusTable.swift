import Ground
import Wire

/// The table of `canopy status`.
struct StatusTable {
    private let answers: [NodeAnswer]
    private let colours: Bool

    init(_ answers: [NodeAnswer], colours: Bool) {
        self.answers = answers
        self.colours = colours
    }

    var text: String {
        let parts = [nodes, tasks, peers, owed, classes, remarks]
        return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private var known: [NodeStatus] { answers.compactMap(\.status) }

    private var nodes: String {
        let header = ["NODE", "TIER", "STATE", "UP", "FRAMES", "BYTES", "MEMORY", "TOPOLOGY"]
        let rows = answers.map { answer -> [String] in
            guard let status = answer.status else {
                return [answer.name, answer.tier.rawValue, red("unreachable"), "", "", "", "", ""]
            }
            let bytes =
                "\(Size.text(status.memory.requests))/\(Size.text(status.memory.requestLimit))"
            return [
                answer.name, status.tier, state(status), Length.text(status.uptime),
                "\(status.frames)", bytes, Size.text(status.memory.resident),
                String(status.configuration.topology.prefix(12)),
            ]
        }
        return grid(header, rows)
    }

    private func state(_ status: NodeStatus) -> String {
        if status.draining { return yellow("draining") }
        return status.ready ? "ready" : red("not ready")
    }

    private var tasks: String {
        let header = ["TASK", "NODE", "MODEL", "BUNDLE", "BAR", "MODE", "OFFLINE", "WAITING"]
        let rows = known.flatMap { node in
            node.tasks.map { task -> [String] in
                let model = task.fault.isEmpty ? task.model : "\(task.model)*"
                let shown = task.ready ? model : red(model)
                return [
                    task.name, node.node, shown, Self.short(task.bundle),
                    task.bar.map(Self.number) ?? "", task.mode, task.offline, "\(task.waiting)",
                ]
            }
        }
        return rows.isEmpty ? "" : grid(header, rows.sorted { $0[0] < $1[0] })
    }

    /// What nodes keep for the node above, where any does.
    private var owed: String {
        let header = ["NODE OWES", "RECORDS", "BYTES", "DROPPED", ""]
        let rows = known.flatMap { node -> [[String]] in
            let counts = Dictionary(
                node.counts.map { ($0.name, $0.count) }, uniquingKeysWith: { one, _ in one })
            return OwedQueue.allCases.reversed().compactMap { queue in
                let name = "owed.\(queue.name)"
                let dropped = counts["\(name).dropped"] ?? 0
                guard let records = counts["\(name).records"], records > 0 || dropped > 0 else {
                    return nil
                }
                return [
                    "\(node.node) \(queue.name)", "\(records)",
                    Size.text(counts["\(name).bytes"] ?? 0),
                    dropped > 0 ? red("\(dropped)") : "0",
                    counts["owed.away"] == 1 ? yellow("kept: nobody takes it") : "",
                ]
            }
        }
        return rows.isEmpty ? "" : grid(header, rows)
    }

    private var peers: String {
        let header = [
            "NODE → PEER", "LEVEL", "BREAKER", "OVERRIDE", "ROUND TRIP", "PENDING", "CALLS", "",
        ]
        let rows = known.flatMap { node in node.peers.map { row(node, $0) } }
        return rows.isEmpty ? "" : grid(header, rows)
    }

    private func row(_ node: NodeStatus, _ peer: PeerStatus) -> [String] {
        var breaker = peer.breaker
        if peer.breaker == "open" { breaker += " \(Length.text(peer.open))" }
        if peer.openLoops > 0 && peer.openLoops < node.loops {
            breaker += " (\(peer.openLoops) of \(node.loops) loops)"
        }
        var override = peer.override
        if peer.overrideLeft > .zero { override += " \(Length.text(peer.overrideLeft))" }
        let notes = [peer.draining ? "draining" : nil, peer.ejected ? "ejected" : nil]
        return [
            "\(node.node) → \(peer.name)", peer.level,
            peer.breaker == "closed" ? breaker : red(breaker), yellow(override),
            peer.roundTrip.map { "\(Self.number($0.milliseconds)) ms" } ?? "", "\(peer.pending)",
            "\(peer.calls)", notes.compactMap(\.self).joined(separator: ", "),
        ]
    }

    private var classes: String {
        let rows = known.flatMap { node in
            node.classes.filter { $0.held > 0 || $0.shed > 0 }.map { one in
                [one.name, node.node, "\(one.share)%", "\(one.held)", "\(one.shed)"]
            }
        }
        return rows.isEmpty ? "" : grid(["CLASS", "NODE", "SHARE", "HELD", "SHED"], rows)
    }

    /// What does not fit into a cell: why a node is silent, a model failed, an edit was refused.
    private var remarks: String {
        let silent = answers.filter { $0.status == nil }.map { "\($0.name): \($0.why)" }
        let said = known.flatMap { node in
            node.tasks.filter { !$0.fault.isEmpty }.map { "\(node.node), \($0.name): \($0.fault)" }
                + node.configuration.refusal.split(separator: "\n")
                .map { "\(node.node) did not take over its topology: \($0)" }
        }
        let digests = Set(known.map(\.configuration.topology)).subtracting([""])
        let mixed =
            digests.count > 1 ? ["the nodes follow \(digests.count) different topologies"] : []
        return (silent + said + mixed).joined(separator: "\n")
    }

    // MARK: Cells

    /// Columns as wide as their widest cell; a header in bold.
    private func grid(_ header: [String], _ rows: [[String]]) -> String {
        let widths = header.indices.map { column in
            ([header] + rows).map { Self.width($0[column]) }.max() ?? 0
        }
        func line(_ cells: [String]) -> String {
            var line = ""
            for (cell, width) in zip(cells, widths) {
                line += cell + String(repeating: " ", count: width - Self.width(cell) + 2)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
        let title = colours ? "\u{1B}[1m\(line(header))\u{1B}[0m" : line(header)
        return ([title] + rows.map(line)).joined(separator: "\n")
    }

    private static func width(_ cell: String) -> Int {
        guard cell.hasPrefix("\u{1B}") else { return cell.count }
        // Five characters switch a colour on, four switch it off.
        return cell.count - 9
    }

    private func red(_ text: String) -> String { colour(text, 1) }
    private func yellow(_ text: String) -> String { colour(text, 3) }

    private func colour(_ text: String, _ number: Int) -> String {
        colours && !text.isEmpty ? "\u{1B}[3\(number)m\(text)\u{1B}[0m" : text
    }

    private static func short(_ digest: String) -> String {
        String(digest.split(separator: ":").last?.prefix(12) ?? "")
    }

    /// At most three digits behind the point.
    private static func number(_ value: Double) -> String {
        let rounded = (value * 1000).rounded() / 1000
        return rounded == rounded.rounded() && abs(rounded) < 1e15
            ? "\(Int(rounded))" : "\(rounded)"
    }
}

/// Bytes as a person reads them.
enum Size {
    static func text(_ bytes: Int) -> String {
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        guard let unit = units.first(where: { bytes >= $0.1 }) else { return "\(bytes) B" }
        return "\(bytes / unit.1) \(unit.0)"
    }
}

/// Lengths of time as a person reads them: the two largest units.
enum Length {
    static func text(_ interval: Interval) -> String {
        let seconds = max(interval.nanoseconds, 0) / 1_000_000_000
        if seconds == 0 { return "\(max(interval.nanoseconds, 0) / 1_000_000)ms" }
        let parts = [
            (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
        ].drop { $0.0 == 0 }
        return parts.prefix(2).map { "\($0.0)\($0.1)" }.joined()
    }
}
