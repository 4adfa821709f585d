public import Ground

extension Metrics {
    /// The `Content-Type` of `exposition`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Quantiles that a distribution is written with.
    private static let quantiles: [(q: Double, text: String)] = [
        (0.5, "0.5"), (0.95, "0.95"), (0.99, "0.99"), (0.999, "0.999"),
    ]

    /// All series with the numbers of `values`, in Prometheus' text format 0.0.4: families by name,
    /// series by labels. A quantile of an empty distribution is `NaN`, as Prometheus has it.
    public func exposition(_ values: MetricValues) -> Bytes {
        var text = ""
        for family in families {
            text += "# HELP \(family.name) \(escaped(family.help, quotes: false))\n"
            text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
            let series = family.series.map { (labels: written($0.labels), index: $0.index) }
            for (labels, index) in series.sorted(by: { $0.labels < $1.labels }) {
                switch family.kind {
                case .counter:
                    let value = values[Counter(index: index)]
                    line(&text, family.name, labels, number(value, family.unit))
                case .gauge:
                    line(&text, family.name, labels, number(values[Gauge(index: index)]))
                case .sketch:
                    let sketch = values[Distribution(index: index)]
                    summary(&text, family, labels, sketch)
                }
            }
        }
        return Bytes(Array(text.utf8))
    }

    private func summary(
        _ text: inout String, _ family: Family, _ labels: String, _ sketch: Sketch
    ) {
        for (q, word) in Self.quantiles {
            let separator = labels.isEmpty ? "" : ","
            let value = sketch.quantile(q).map { number($0, family.unit) } ?? "NaN"
            line(&text, family.name, "\(labels)\(separator)quantile=\"\(word)\"", value)
        }
        line(&text, family.name + "_sum", labels, number(sketch.sum, family.unit))
        line(&text, family.name + "_count", labels, "\(sketch.count)")
    }

    private func line(_ text: inout String, _ name: String, _ labels: String, _ value: String) {
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    private func written(_ labels: [MetricLabel]) -> String {
        labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",")
    }

    private func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private func number(_ value: UInt64, _ unit: MetricUnit) -> String {
        unit.divisor == 1 ? "\(value)" : number(Double(value) / unit.divisor)
    }

    private func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }
}
