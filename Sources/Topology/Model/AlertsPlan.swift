public import Ground

/// Where alerts go, and which news of the node itself are alerts.
public struct AlertsPlan: Sendable {
    /// Sinks besides the log, sorted by name. A node opens those that its alerts name.
    public let sinks: [AlertSinkPlan]
    /// What operators are told of the node itself.
    public let operators: OperatorAlertPlan
    /// The sinks that the files name. Those that could not be read are among them: nobody's `to` is
    /// wrong for that.
    private let names: [String]

    /// The sink that every node has: its own log.
    public static let log = "log"

    init(_ fields: Fields) {
        let stated = fields.named("sinks", "sink")
        names = stated.map(\.name).sorted()
        sinks = stated.compactMap { name, place, fields in
            if name == Self.log {
                fields.report.add(
                    place, "a sink is called `log`, as the node's own log is",
                    "give it another name; `log` needs no words")
            }
            return AlertSinkPlan(name, place, fields)
        }.sorted { $0.name < $1.name }
        operators = OperatorAlertPlan(fields.fields("operator"))
        fields.finish()
        check(operators.targets, fields.report)
    }

    /// Reports each of `targets` that is no sink.
    func check(_ targets: [AlertTarget], _ report: Report) {
        guard !report.isPartial else { return }
        let known = [Self.log] + names
        for target in targets where !known.contains(target.name) {
            report.add(
                target.place, "there is no sink \(quoted(target.name))",
                names.isEmpty
                    ? "name it in `alerts: { sinks: { \(target.name): … } }`, or use `log`"
                    : Nearest.remedy(for: target.name, among: known))
        }
    }

    /// Whether `other` says the same, wherever the files say it.
    public func isSame(as other: AlertsPlan) -> Bool {
        sinks.elementsEqual(other.sinks) { $0.isSame(as: $1) } && operators == other.operators
    }

    /// The sink of this name; `nil` for the log, and where there is none.
    public func sink(named name: String) -> AlertSinkPlan? {
        Topology.find(name, sinks, \.name)
    }
}

/// A sink that an alert names, and where it does. The place is for messages: targets of one name
/// are equal.
struct AlertTarget: Hashable, Sendable {
    let name: String
    let place: Place

    static func == (a: AlertTarget, b: AlertTarget) -> Bool { a.name == b.name }

    func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// What operators are told of the node itself: a breaker that opened, frames shed, an engine lost.
public struct OperatorAlertPlan: Hashable, Sendable {
    /// Who is told; default the log.
    public var to: [String] { targets.map(\.name) }
    let targets: [AlertTarget]
    /// How long a condition must last before it is an alert, 0 s to 1 h. Default 2 s: a link that
    /// flickers mends itself in less.
    public let hold: Interval
    /// How many times a condition that does not last must come, each within `quiet` of the one
    /// before, to be an alert all the same, 1 to 1000. Default 3: once is chance, thrice is not.
    public let repeats: Int
    /// How long it must stay away before the alert is over, 1 s to 24 h. Default 30 s, so that what
    /// comes and goes is one alert and not twenty.
    public let quiet: Interval

    init(_ fields: Fields) {
        let to: [Placed<String>]? = fields.value("to", .list(of: .name))
        targets = Self.targets(to, at: fields.place)
        hold = fields.value(
            "hold", .interval(.zero...(.seconds(3_600))), or: .seconds(2))
        repeats = fields.value("repeats", .count(1...1000), or: 3)
        quiet = fields.value(
            "quiet", .interval(.seconds(1)...(.seconds(86_400))), or: .seconds(30))
        fields.finish()
    }

    /// What `to` names, each once; the log where nothing is named.
    static func targets(_ to: [Placed<String>]?, at place: Place) -> [AlertTarget] {
        var targets: [AlertTarget] = []
        for item in to ?? [Placed(value: AlertsPlan.log, place: place)]
        where !targets.contains(where: { $0.name == item.value }) {
            targets.append(AlertTarget(name: item.value, place: item.place))
        }
        return targets
    }
}
