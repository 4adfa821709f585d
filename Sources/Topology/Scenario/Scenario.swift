public import Ground

/// What happens to a fleet while it is simulated: who sends frames, what links and engines are
/// like, and what goes wrong when. Checked against its topology, and made only by
/// `init(validating:for:)` or as the default.
public struct Scenario: Sendable {
    /// What it shows, in a few words. Default its file's name.
    public let title: String
    /// How much virtual time passes, 1 s to a year. Default 10 min: every breaker opens, backs off
    /// to its longest and closes again within it.
    public private(set) var duration: Interval
    /// Who sends frames. Default `LoadPlan.standard`: each task at each node of its lowest tier.
    public let loads: [LoadPlan]
    /// What links are like; later entries overrule earlier ones.
    public let links: [LinkRule]
    /// What engines are like; later entries overrule earlier ones.
    public let engines: [EngineRule]
    /// What happens, by its time.
    public let happenings: [Happening]

    /// Cameras send, and nothing goes wrong.
    public init(for topology: Topology) {
        title = "an ordinary day"
        duration = .seconds(600)
        loads = LoadPlan.standard(for: topology)
        (links, engines, happenings) = ([], [], [])
    }

    /// Checks what was read.
    ///
    /// - Throws: every fault of the file at once, those of reading among them.
    public init(validating file: TopologyFile, for topology: Topology) throws(TopologyFaults) {
        let report = Report()
        report.add(contentsOf: file.faults)
        let fields = Fields(file.root, "the scenario", report)
        report.isPartial = file.isPartial
        Self.checkVersion(fields)
        let targets = Targets(topology)
        title =
            fields.value("title", .text("what the scenario shows"))
            ?? file.files.first.map(Self.stem) ?? "a scenario"
        duration = fields.value(
            "duration", .interval(.seconds(1)...(.seconds(366 * 86_400))), or: .seconds(600))
        let loads = fields.value("load", .list(of: .load(targets, topology)))
        self.loads = loads?.map(\.value) ?? LoadPlan.standard(for: topology)
        links = fields.value("network", .list(of: .linkRule(targets)))?.map(\.value) ?? []
        engines =
            fields.value("engines", .list(of: .engineRule(targets, topology)))?.map(\.value) ?? []
        let happenings = fields.value("happenings", .list(of: .happening(targets, topology)))
        self.happenings = (happenings?.map(\.value) ?? []).enumerated()
            .sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
        fields.finish()
        Self.check(self.happenings, within: duration, report)
        if !report.faults.isEmpty { throw TopologyFaults(report) }
    }

    /// The same for another length of time; what comes later does not happen.
    public func lasting(_ duration: Interval) -> Scenario {
        var other = self
        other.duration = duration
        return other
    }

    private static func checkVersion(_ fields: Fields) {
        guard let entry = fields.entry("scenario") else {
            if !fields.report.isPartial {
                fields.report.add(
                    fields.place, "the scenario does not say which version it is written for",
                    "begin with `scenario: 1`")
            }
            return
        }
        if case .scalar("1") = entry.content { return }
        if case .unreadable = entry.content { return }
        fields.report.add(
            entry.place, "version \(entry.kind) is not known; this program reads version 1",
            "write `scenario: 1`, or use the program that wrote the file")
    }

    private static func check(
        _ happenings: [Happening], within duration: Interval, _ report: Report
    ) {
        for happening in happenings where happening.at >= duration {
            report.add(
                happening.place, "this happens when the scenario is over",
                "let it happen earlier, or give a longer `duration`")
        }
    }

    /// A path's file name without its ending, with spaces for dashes.
    private static func stem(_ path: String) -> String {
        let name = path.split(separator: "/").last ?? "a scenario"
        return String((name.split(separator: ".").first ?? name).map { $0 == "-" ? " " : $0 })
    }
}
