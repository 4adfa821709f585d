import Ground

/// The plots of a report. All share one axis of time.
struct Plots {
    private static let width = 820
    private static let left = 62.0
    private static let right = 800.0

    let report: SimulationReport

    private func x(_ slice: Int) -> Double { x(share: Double(slice) / Double(report.series.count)) }

    private func x(share: Double) -> Double { Self.left + (Self.right - Self.left) * share }

    /// Frames a second by what became of them, one above the other.
    var answers: String {
        let (top, bottom) = (16.0, 216.0)
        let seconds = max(report.slice.seconds, 1e-9)
        let layers: [(name: String, colour: String, of: (SimulationReport.Slice) -> Int)] = [
            ("leaf", SVG.tiers[0], { $0.answers[0] }),
            ("regional", SVG.tiers[1], { $0.answers[1] }),
            ("cloud", SVG.tiers[2], { $0.answers[2] }), ("refused or lost", SVG.red, { $0.failed }),
        ]
        let sums = report.series.map { slice in layers.reduce(0) { $0 + $1.of(slice) } }
        let most = Self.round(Double(sums.max() ?? 0) / seconds)
        func y(_ count: Int) -> Double {
            bottom - (bottom - top) * Double(count) / seconds / most
        }
        var parts = axis(top, bottom, most) { Figures.tenths($0) } + happenings(top, bottom)
        var base = [Int](repeating: 0, count: report.series.count)
        for layer in layers {
            let upper = zip(base, report.series).map { $0 + layer.of($1) }
            let points =
                upper.indices.map { (x($0), y(upper[$0])) }
                + base.indices.reversed().map { (x($0), y(base[$0])) }
            if upper != base { parts.append(SVG.area(points, colour: layer.colour)) }
            base = upper
        }
        parts += legend(layers.map { ($0.name, $0.colour) }, 258)
        return SVG.drawing(
            Self.width, 268, "Answers over time", parts + [caption("frames a second", 258)])
    }

    /// Median and 99th percentile of the time to the last answer.
    var latency: String {
        let (top, bottom) = (16.0, 176.0)
        let p99 = report.series.map { $0.p99.map { Double($0) / 1e6 } }
        let p50 = report.series.map { $0.p50.map { Double($0) / 1e6 } }
        let most = Self.round(p99.compactMap(\.self).max() ?? 0)
        func y(_ value: Double) -> Double { bottom - (bottom - top) * value / most }
        var parts = axis(top, bottom, most) { Figures.tenths($0) } + happenings(top, bottom)
        for (values, colour) in [(p99, SVG.tiers[2]), (p50, SVG.tiers[0])] {
            for run in Self.runs(values) {
                parts.append(SVG.path(run.map { (x($0.0), y($0.1)) }, colour: colour))
            }
        }
        parts += legend([("p50", SVG.tiers[0]), ("p99", SVG.tiers[2])], 218)
        return SVG.drawing(
            Self.width, 228, "Latency over time", parts + [caption("ms to the last answer", 218)])
    }

    /// A row for each site: how many of its frames were let down, as depth of colour.
    func trouble(of sites: [SimulationReport.Site]) -> String {
        let row = 16.0
        let bottom = 10 + row * Double(sites.count)
        var parts: [String] = []
        for (number, site) in sites.enumerated() {
            let y = 10 + row * Double(number)
            let words = site.name.count > 9 ? site.name.prefix(8) + "…" : site.name[...]
            parts.append(
                SVG.text(Self.left - 6, y + 12, String(words), anchor: "end", size: 11))
            parts.append(SVG.box(Self.left, y + 1, Self.right - Self.left, row - 2, "#f1f4f7"))
            for (slice, share) in site.trouble.enumerated() {
                guard let share, share > 0 else { continue }
                let width = x(slice + 1) - x(slice) + 0.3
                parts.append(
                    SVG.box(x(slice), y + 1, width, row - 2, SVG.red, opacity: 0.15 + 0.85 * share))
            }
        }
        parts += ticks(bottom) + [caption("share of frames let down", bottom + 36)]
        return SVG.drawing(Self.width, Int(bottom) + 44, "Trouble by site", parts)
    }

    // MARK: Parts

    private func axis(
        _ top: Double, _ bottom: Double, _ most: Double, _ words: (Double) -> String
    ) -> [String] {
        let lines = (0...4).flatMap { step -> [String] in
            let y = bottom - (bottom - top) * Double(step) / 4
            return [
                SVG.line(Self.left, y, Self.right, y),
                SVG.text(
                    Self.left - 6, y + 4, words(most * Double(step) / 4), anchor: "end",
                    colour: SVG.faint, size: 11),
            ]
        }
        return lines + ticks(bottom)
    }

    private func ticks(_ bottom: Double) -> [String] {
        (0...6).map { step in
            let share = Double(step) / 6
            let moment = Interval.nanoseconds(
                report.slice.nanoseconds * Int64(report.series.count) * Int64(step) / 6)
            let words = step == 0 ? "0" : Figures.time(moment)
            return SVG.text(
                x(share: share), bottom + 18, words, anchor: "middle", colour: SVG.faint, size: 11)
        }
    }

    /// When something happened, as bands behind what is drawn.
    private func happenings(_ top: Double, _ bottom: Double) -> [String] {
        let whole = max(report.slice.seconds * Double(report.series.count), 1e-9)
        return report.happenings.map { happening in
            let start = min(happening.at.seconds / whole, 1)
            let end = min(start + (happening.lasts?.seconds ?? whole) / whole, 1)
            let width = max(x(share: end) - x(share: start), 1.5)
            return SVG.box(
                x(share: start), top, width, bottom - top, "#a0aec0", opacity: 0.25)
        }
    }

    private func legend(_ items: [(String, String)], _ y: Double) -> [String] {
        var place = Self.left
        return items.flatMap { name, colour -> [String] in
            defer { place += 34 + 7.2 * Double(name.count) }
            return [
                SVG.box(place, y - 10, 11, 11, colour),
                SVG.text(place + 16, y, name, colour: SVG.faint, size: 12),
            ]
        }
    }

    private func caption(_ words: String, _ y: Double) -> String {
        SVG.text(Self.right, y, words, anchor: "end", colour: SVG.faint, size: 12)
    }

    /// The next number of 1, 2, 4 or 5 times a power of ten; at least a tenth.
    static func round(_ most: Double) -> Double {
        var step = 0.1
        while true {
            for factor in [1.0, 2, 4, 5] where step * factor >= most { return step * factor }
            step *= 10
        }
    }

    /// Stretches without a gap, with their places.
    static func runs(_ values: [Double?]) -> [[(Int, Double)]] {
        var runs: [[(Int, Double)]] = [[]]
        for (index, value) in values.enumerated() {
            if let value {
                runs[runs.count - 1].append((index, value))
            } else if !runs[runs.count - 1].isEmpty {
                runs.append([])
            }
        }
        return runs.filter { !$0.isEmpty }
    }
}
