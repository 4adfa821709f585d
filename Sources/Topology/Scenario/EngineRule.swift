public import Ground

/// What the engines of some nodes are like from the beginning; `nil` is not said.
public struct EngineRule: Sendable {
    public let of: Target
    /// Index of the task that it is about; `nil` is all.
    public let task: Int?
    /// Median time of an inference, 1 µs to 60 s. Without a rule 8 ms on a leaf, 15 ms on a
    /// regional node, 25 ms in the cloud.
    public let time: Interval?
    /// How far times spread: the σ of their logarithm, 0 to 1. Without a rule 15 %.
    public let spread: Double?
    /// Inferences at a time, 1 to 1024. Without a rule what the topology says, or 1 on a leaf, 8 on
    /// a regional node, 32 in the cloud.
    public let workers: Int?
    /// How long a model takes to load, to an hour. Without a rule 2 s.
    public let load: Interval?

    init?(_ fields: Fields, _ targets: Targets, _ topology: Topology) {
        let of = fields.required("of", .target(targets))
        task = fields.value("task", .task(of: topology))
        time = fields.value("time", .interval(.microseconds(1)...(.seconds(60))))
        spread = fields.value("spread", .share())
        workers = fields.value("workers", .count(1...1024))
        load = fields.value("load", .interval(.zero...(.seconds(3600))))
        fields.finish()
        guard let of else { return nil }
        self.of = of
    }
}

extension Shape<EngineRule> {
    static func engineRule(_ targets: Targets, _ topology: Topology) -> Shape {
        Shape("{ of: leaf, time: 8ms, workers: 2 }") { entry, name, report in
            EngineRule(Fields(entry, "an item of \(name)", report), targets, topology)
        }
    }
}
