internal import Ground

/// What a metric's numbers count. It decides the name's last word and how numbers are written.
public enum MetricUnit: Sendable, Equatable {
    /// Inserted in nanoseconds, written in seconds.
    case seconds
    case bytes
    /// Inserted in millionths, written from 0 to 1.
    case ratio
    /// Plain numbers of things.
    case items

    /// The word that Prometheus' conventions want at the end of the name, before `_total`.
    var suffix: String? {
        switch self {
        case .seconds: "_seconds"
        case .bytes: "_bytes"
        case .ratio: "_ratio"
        case .items: nil
        }
    }

    /// Inserted units in a written one.
    var divisor: Double {
        switch self {
        case .seconds: 1e9
        case .ratio: 1e6
        case .bytes, .items: 1
        }
    }
}

/// One label of a series.
public struct MetricLabel: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What a family of series is.
enum MetricKind: String, Sendable {
    case counter, gauge
    case sketch = "summary"
}

/// Throws unless the name follows Prometheus' rules and conventions for its kind and unit.
func checkName(_ name: String, _ kind: MetricKind, _ unit: MetricUnit) throws(Fault) {
    guard isName(name, colons: true) else {
        throw Fault(
            .invalid, "'\(name)' is no metric name",
            remedy: "use letters, digits, '_' and ':', and no digit first")
    }
    let stem = name.hasSuffix("_total") ? String(name.dropLast(6)) : name
    guard (kind == .counter) == (stem != name) else {
        throw Fault(
            .invalid, "the name of \(kind) '\(name)' is wrong",
            remedy: "counters, and nothing else, end in _total")
    }
    guard unit.suffix.map(stem.hasSuffix) ?? true else {
        throw Fault(.invalid, "the name of '\(name)' lacks its unit '\(unit.suffix!)'")
    }
}

/// Throws unless every label has a legal name that comes once.
func checkLabels(_ labels: [MetricLabel], of name: String, _ kind: MetricKind) throws(Fault) {
    for (index, label) in labels.enumerated() {
        let repeated = labels[..<index].contains { $0.name == label.name }
        let reserved = label.name.hasPrefix("__") || (kind == .sketch && label.name == "quantile")
        guard isName(label.name, colons: false), !repeated, !reserved else {
            throw Fault(
                .invalid, "'\(label.name)' cannot be a label of '\(name)'",
                remedy: "use letters, digits and '_', no digit first, each name once")
        }
    }
}

private func isName(_ text: String, colons: Bool) -> Bool {
    guard let first = text.utf8.first, !(48...57).contains(first) else { return false }
    return text.utf8.allSatisfy { unit in
        switch unit {
        case 48...57, 65...90, 97...122, UInt8(ascii: "_"): true
        case UInt8(ascii: ":"): colons
        default: false
        }
    }
}
