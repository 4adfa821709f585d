public import Ground

/// Cameras or sensors that send frames of one task to some nodes.
public struct LoadPlan: Sendable {
    /// Whom they send to: each node has as many.
    public let to: Target
    /// Index of the task in `Topology.tasks`.
    public let task: Int
    /// Cameras at each node, 1 to 10,000. Default 1.
    public let cameras: Int
    /// Time between two frames of a camera, 1 ms to a day. Default 1 s.
    public let every: Interval
    /// When they come. Default `steady`.
    public let rhythm: Rhythm
    /// Frames of a burst, 1 to 100,000. Default 50: somebody at a gate for five seconds of 10 FPS.
    public let burst: Int
    /// Mean time between the bursts of a camera, 1 s to a day. Default 1 min.
    public let idle: Interval
    /// Default `realtime`, as for requests.
    public let urgency: Urgency
    /// Whether the camera waits, or refines; `nil` (default) is what the task says.
    public let mode: TaskPlan.Mode?
    /// Bytes of a frame, 1 to 64 MiB. Default 12 kB: a 320×240 JPEG.
    public let bytes: Int
    /// Share of frames that a tier is unsure of. Default 12 %: what the digits of the demonstration
    /// have on the leaf.
    public let unsure: Double
    /// Share of frames that show what the task alerts of. Default 0.1 %.
    public let alarming: Double

    /// When frames come.
    public enum Rhythm: String, CaseIterable, Sendable {
        /// One after the other, each camera at a moment of its own.
        case steady
        /// At random moments, `every` being the mean: sensors that see events.
        case random
        /// Silence, and then a burst at full rate.
        case bursts
        /// Random, with a day's rhythm: a tenth of the mean at four in the morning, twice the mean
        /// in the afternoon. Time 0 is midnight.
        case diurnal
    }

    /// A frame's class, as requests say it.
    public enum Urgency: String, CaseIterable, Sendable {
        case realtime, standard, batch, sync
    }

    /// Every task at each node of its lowest tier: one steady camera, one frame a second.
    static func standard(for topology: Topology) -> [LoadPlan] {
        topology.tasks.enumerated().compactMap { index, task in
            guard let tier = task.tiers.first?.tier else { return nil }
            let nodes = topology.nodes.indices.filter {
                topology.nodes[$0].tier == tier && topology.nodes[$0].speaks == .canopy
            }
            guard !nodes.isEmpty else { return nil }
            let nothing = Fields(Entry(place: task.place, content: .nothing), "a load", Report())
            return LoadPlan(nothing, Target(name: tier.rawValue, nodes: nodes), task: index)
        }
    }

    /// `nil` when it is not known who sends what; that is reported.
    init?(_ fields: Fields, _ targets: Targets, _ topology: Topology) {
        let to = fields.required("to", .target(targets))
        let task = fields.required("task", .task(of: topology))
        self.init(fields, to ?? Target(name: "", nodes: []), task: task ?? 0)
        guard let to, task != nil else { return nil }
        if let foreign = to.nodes.first(where: { topology.nodes[$0].speaks != .canopy }) {
            let name = quoted(topology.nodes[foreign].name)
            fields.report.add(
                fields.place(of: "to"),
                "\(fields.subject) goes to \(name), which is a foreign server",
                "send it to nodes of Canopy; they ask foreign servers")
        }
    }

    private init(_ fields: Fields, _ to: Target, task: Int) {
        self.to = to
        self.task = task
        cameras = fields.value("cameras", .count(1...10_000), or: 1)
        every = fields.value(
            "every", .interval(.milliseconds(1)...(.seconds(86_400))), or: .seconds(1))
        rhythm = fields.value("shape", .word, or: .steady)
        burst = fields.value("burst", .count(1...100_000), or: 50)
        idle = fields.value("idle", .interval(.seconds(1)...(.seconds(86_400))), or: .seconds(60))
        urgency = fields.value("class", .word, or: .realtime)
        mode = fields.value("mode", .word)
        bytes = fields.value("bytes", .bytes(1...64 << 20), or: 12_000)
        unsure = fields.value("unsure", .share(), or: 0.12)
        alarming = fields.value("alarming", .share(), or: 0.001)
        fields.finish()
    }
}

extension Shape<LoadPlan> {
    static func load(_ targets: Targets, _ topology: Topology) -> Shape {
        Shape("{ to: leaf, task: NAME, every: 100ms }") { entry, name, report in
            LoadPlan(Fields(entry, "an item of \(name)", report), targets, topology)
        }
    }
}

extension Shape<Int> {
    /// The name of a task, as its index.
    static func task(of topology: Topology) -> Shape {
        Shape("the name of a task") { text throws(Units.Misfit) in
            if let index = topology.tasks.firstIndex(where: { $0.name == text }) { return index }
            throw Units.Misfit(
                problem: "is no task",
                remedy: Nearest.remedy(for: text, among: topology.tasks.map(\.name)))
        }
    }
}
