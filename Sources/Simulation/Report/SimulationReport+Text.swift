import Ground
import Telemetry

extension SimulationReport {
    /// Sites that a table on a terminal lists: a screen.
    private static let shownSites = 24

    /// The report as text for a terminal.
    public var text: String {
        var lines = [
            "\(title): \(nodes) nodes, \(Figures.time(duration)) of virtual time, seed \(seed)",
            "",
        ]
        lines += tierTable + [""] + taskTable + [""] + siteTable
        let degraded = zip(Self.degradedNames, total.degraded).filter { $0.1 > 0 }
        let refused = zip(Self.refusedNames, total.refused).filter { $0.1 > 0 }
        lines += ["", "degraded  " + Self.listed(degraded, of: total.sent)]
        lines.append("refused   " + Self.listed(refused, of: total.sent))
        lines.append(
            "lost      \(total.lost), \(Figures.percent(total.lost, of: total.sent)): sent to a node"
                + " that was not there")
        lines.append(
            "calls     \(calls.escalations) escalations, \(calls.forwards) handed on,"
                + " \(calls.audits) audits")
        lines.append("trace     \(String(trace, radix: 16)) after \(events) events")
        if let violation { lines += ["", "BROKEN: \(violation.words)"] }
        return lines.joined(separator: "\n")
    }

    private static func listed(_ counts: [(String, Int)], of all: Int) -> String {
        if counts.isEmpty { return "none" }
        return counts.map { "\($0.0) \($0.1) (\(Figures.percent($0.1, of: all)))" }
            .joined(separator: ", ")
    }

    private var tierTable: [String] {
        var rows = [["answered by", "frames", "share", "p50", "p95", "p99"]]
        for (tier, name) in Self.tierNames.enumerated() where total.answers[tier] > 0 {
            rows.append(
                [
                    name, "\(total.answers[tier])",
                    Figures.percent(total.answers[tier], of: total.sent),
                ] + Self.quantiles(total.latency[tier]))
        }
        rows.append(
            ["all", "\(total.answered)", Figures.percent(total.answered, of: total.sent)]
                + Self.quantiles(total.allLatencies))
        return Self.columns(rows)
    }

    private var taskTable: [String] {
        var rows = [["task", "sent", "answered", "accepted", "degraded", "shed", "p50", "p99"]]
        for (name, frames) in tasks where frames.sent > 0 {
            rows.append([name, "\(frames.sent)"] + Self.shares(frames))
        }
        return Self.columns(rows)
    }

    private var siteTable: [String] {
        var rows = [
            ["site", "sent", "answered", "accepted", "degraded", "shed", "p50", "p99", "out", "in"]
        ]
        let worst = sites.sorted {
            ($0.frames.sent > 0 ? 0 : 1, -$0.troubledShare, $0.name)
                < ($1.frames.sent > 0 ? 0 : 1, -$1.troubledShare, $1.name)
        }
        for site in worst.prefix(Self.shownSites) {
            rows.append(
                [site.name, "\(site.frames.sent)"] + Self.shares(site.frames) + [
                    Figures.bytes(site.bytesOut), Figures.bytes(site.bytesIn),
                ])
        }
        let left = sites.count - Self.shownSites
        return Self.columns(rows) + (left > 0 ? ["and \(left) more sites that fare better"] : [])
    }

    static func shares(_ frames: Frames) -> [String] {
        let latency = frames.allLatencies
        return [
            Figures.percent(frames.answered, of: frames.sent),
            Figures.percent(frames.accepted, of: frames.sent),
            Figures.percent(frames.degraded.reduce(0, +), of: frames.sent),
            Figures.percent(frames.shed, of: frames.sent),
            Figures.milliseconds(latency.quantile(0.5)),
            Figures.milliseconds(latency.quantile(0.99)),
        ]
    }

    static func quantiles(_ sketch: Sketch) -> [String] {
        [0.5, 0.95, 0.99].map { Figures.milliseconds(sketch.quantile($0)) }
    }

    /// Rows in columns: the first to the left, the others to the right.
    private static func columns(_ rows: [[String]]) -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + blanks : blanks + cell
            }.joined(separator: "  ")
        }
    }
}

extension SimulationReport.Site {
    /// Share of frames that had no answer.
    var troubledShare: Double {
        frames.sent == 0
            ? 0 : Double(frames.sent - frames.answered + frames.degraded.reduce(0, +))
                / Double(frames.sent)
    }
}
