import Ground
import Telemetry

extension SimulationReport {
    /// Sites that the page draws and lists: those that fare worst.
    private static let pageSites = 60

    /// The report as one page: no script, nothing from elsewhere.
    public var page: String {
        let plots = Plots(report: self)
        let worst = Array(
            sites.filter { $0.frames.sent > 0 }
                .sorted { (-$0.troubledShare, $0.name) < (-$1.troubledShare, $1.name) }
                .prefix(Self.pageSites))
        let body = [
            "<h1>\(SVG.escape(title))</h1>", "<p>\(summary)</p>", about,
            "<h2>Answers</h2>", plots.answers, "<h2>Latency</h2>", plots.latency,
            "<h2>Sites</h2>", plots.trouble(of: worst), siteTable(worst),
            "<h2>Tiers</h2>", tierTable, "<h2>Tasks</h2>", taskTable,
            happenings.isEmpty ? "" : "<h2>What happened</h2>" + happeningTable,
        ]
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">\
            <meta name="viewport" content="width=device-width">\
            <title>Canopy: \(SVG.escape(title))</title><style>\(Self.style)</style></head>
            <body>
            \(body.joined(separator: "\n"))
            </body></html>

            """
    }

    private var summary: String {
        let degraded = total.degraded.reduce(0, +)
        return "\(Figures.percent(total.answered, of: total.sent)) of"
            + " \(Figures.count(total.sent)) frames were answered,"
            + " \(Figures.percent(degraded, of: total.sent)) of them in a degraded way;"
            + " \(Figures.percent(total.shed, of: total.sent)) were shed and"
            + " \(Figures.percent(total.lost, of: total.sent)) met a node that was not there."
    }

    private var about: String {
        let broken = violation.map { " <b>Broken: \(SVG.escape($0.words)).</b>" } ?? ""
        return "<p class=\"about\">\(Figures.count(nodes)) nodes, \(Figures.time(duration)) of"
            + " virtual time, seed \(seed), \(Figures.count(Int(events))) events, trace"
            + " \(String(trace, radix: 16)).\(broken)</p>"
    }

    private func siteTable(_ worst: [Site]) -> String {
        let rows = worst.map { site in
            [SVG.escape(site.name), Figures.count(site.frames.sent)] + Self.shares(site.frames)
                + [Figures.bytes(site.bytesOut), Figures.bytes(site.bytesIn)]
        }
        let head = [
            "site", "sent", "answered", "accepted", "degraded", "shed", "p50", "p99", "out", "in",
        ]
        let left = sites.count - worst.count
        let rest = left > 0 ? "<p class=\"about\">\(left) more sites are not shown.</p>" : ""
        return Self.table(head, rows) + rest
    }

    private var tierTable: String {
        let rows = Self.tierNames.enumerated().filter { total.answers[$0.offset] > 0 }.map {
            tier, name in
            [
                name, Figures.count(total.answers[tier]),
                Figures.percent(total.answers[tier], of: total.sent),
            ] + Self.quantiles(total.latency[tier])
        }
        return Self.table(["answered by", "frames", "share", "p50", "p95", "p99"], rows)
    }

    private var taskTable: String {
        let rows = tasks.filter { $0.frames.sent > 0 }.map { name, frames in
            [SVG.escape(name), Figures.count(frames.sent)] + Self.shares(frames)
        }
        return Self.table(
            ["task", "sent", "answered", "accepted", "degraded", "shed", "p50", "p99"], rows)
    }

    private var happeningTable: String {
        let rows = happenings.map { happening in
            [
                SVG.escape(happening.words),
                happening.at == .zero ? "0" : Figures.time(happening.at),
                happening.lasts.map(Figures.time) ?? "",
            ]
        }
        return Self.table(["what", "at", "for"], rows)
    }

    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            "<tr>" + cells.map { "<\(tag)>\($0)</\(tag)>" }.joined() + "</tr>"
        }
        return "<table>" + row(head, "th") + rows.map { row($0, "td") }.joined(separator: "\n")
            + "</table>"
    }

    private static let style = """
        body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
          color: #1d2733; background: #fff; max-width: 860px; margin: 2rem auto 4rem;
          padding: 0 1.25rem; }
        h1 { font-size: 1.7rem; margin: 0 0 .25rem; }
        h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
        p { margin: .5rem 0; } .about { color: #5b6875; font-size: .875rem; }
        table { border-collapse: collapse; width: 100%; font-size: .875rem; margin: .5rem 0; }
        th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid #dfe4ea;
          font-variant-numeric: tabular-nums; white-space: nowrap; }
        th { color: #5b6875; font-weight: 600; }
        th:first-child, td:first-child { text-align: left; }
        svg { width: 100%; height: auto; display: block; margin: .6rem 0; font-family: inherit; }
        """
}
