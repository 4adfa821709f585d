public import Ground

/// Something that happens to the fleet at a moment, and is over after a while.
public struct Happening: Sendable {
    /// From the scenario's beginning.
    public let at: Interval
    /// How long it lasts; `nil` (default) is until the end, or once for what has no length.
    public let lasts: Interval?
    /// Between one node's turn and the next's, for restarts. Default: all at once.
    public let apart: Interval
    public let what: What
    /// In a few words, for reports.
    public let words: String
    public let place: Place

    public enum What: Sendable {
        /// Nothing passes between the sides. Messages vanish, as on a cut cable.
        case partition(Sides)
        /// The links are like this meanwhile; with `flap` they are cut and whole in turns, half of
        /// that time each.
        case link(Sides, LinkTraits, flap: Interval?)
        /// Inferences take so many times as long.
        case slow(Target, times: Double)
        /// The engines end with all they have at once, and load again when it is over.
        case crash(Target)
        /// The engines begin inferences and never end them.
        case wedge(Target)
        /// The nodes are gone at once, and come back when it is over.
        case kill(Target)
        /// The nodes drain, end, and come back when it is over.
        case restart(Target)
        /// The nodes' clocks step, or run too fast by so many parts per million.
        case clock(Target, step: Interval, drift: Int)
        /// Cameras at the nodes send so many times as often; of one task, or all.
        case load(Target, task: Int?, times: Double)
    }
}

extension Happening {
    /// `nil` when it is not known what happens; that is reported.
    init?(_ fields: Fields, _ targets: Targets, _ topology: Topology) {
        let at = fields.required("at", .interval(.zero...(.seconds(366 * 86_400))))
        lasts = fields.value("for", .interval(.milliseconds(1)...(.seconds(366 * 86_400))))
        apart = fields.value("apart", .interval(.zero...(.seconds(86_400))), or: .zero)
        let given = Kind.allCases.filter { fields.has($0.rawValue) }
        place = fields.place
        guard fields.isReadable else { return nil }
        if given.count > 1 {
            fields.report.add(
                fields.place(of: given[1].rawValue),
                "\(fields.subject) is a \(given[0].rawValue) and a \(given[1].rawValue)",
                "make it two items")
        }
        guard let kind = given.first else {
            _ = Kind.allCases.map { fields.entry($0.rawValue) }
            fields.finish()
            fields.report.add(
                fields.place, "\(fields.subject) does not say what happens",
                "give one of \(listed(Kind.allCases.map(\.rawValue)))")
            return nil
        }
        if kind != .restart { fields.refuse(["apart"], "only restarts are one after the other") }
        let read = kind.read(fields, targets, topology)
        _ = Kind.allCases.map { fields.entry($0.rawValue) }
        fields.finish()
        guard let at, let (what, words) = read else { return nil }
        self.at = at
        self.what = what
        self.words = words
    }
}

extension Shape<Happening> {
    static func happening(_ targets: Targets, _ topology: Topology) -> Shape {
        Shape("{ at: 5m, for: 2m, partition: { between: [A, B] } }") { entry, name, report in
            Happening(Fields(entry, "an item of \(name)", report), targets, topology)
        }
    }
}
