public import Ground
public import Topology

/// A fleet and a scenario made up from a seed, as the files that an operator could have written: so
/// that a world in which something broke can be kept, read and made smaller.
public struct RandomWorld: Sendable {
    /// How large worlds are.
    public struct Size: Sendable {
        /// Leaves at most.
        public var leaves = 12
        /// Regional nodes at most.
        public var regions = 6
        /// Frames that the cameras send in all, about.
        public var frames = 4_000
        /// Virtual time. 12 min: faults in the first half, and room to heal in the second.
        public var duration = Interval.seconds(720)
        /// Exactly so many leaves and regional nodes, and a cloud, and no two sites alike: links,
        /// engines, budgets and rules differ from node to node.
        public var isVaried = false

        public init() {}
    }

    public let seed: UInt64
    /// The topology's and the scenario's text.
    public let topologyText: String
    public let scenarioText: String

    public init(seed: UInt64, size: Size = Size()) {
        self.seed = seed
        var fleet = RandomFleet(seed: seed, size: size)
        topologyText = fleet.topology()
        scenarioText = fleet.scenario()
    }

    /// The checked topology and scenario.
    ///
    /// - Throws: what is wrong with them, which is a fault of the generator.
    public func read() throws(TopologyFaults) -> (Topology, Scenario) {
        let topology = try Topology(
            validating: TopologyFile(text: topologyText, name: "random-\(seed).yaml"))
        let file = TopologyFile(
            text: scenarioText, name: "random-\(seed)-scenario.yaml", of: .scenario)
        return (topology, try Scenario(validating: file, for: topology))
    }
}

/// Draws one fleet.
struct RandomFleet {
    let size: RandomWorld.Size
    var draws: Randomness
    let leaves: Int
    let regions: Int
    let hasCloud: Bool
    let cloudIsForeign: Bool
    var tasks: [String] = []

    init(seed: UInt64, size: RandomWorld.Size) {
        self.size = size
        draws = Randomness(seed: Randomness.seed(seed, 99, 0))
        leaves = size.isVaried ? size.leaves : 1 + draws.draw(below: size.leaves)
        regions = size.isVaried ? size.regions : 1 + draws.draw(below: size.regions)
        let isDrawn = draws.draw(below: 4) > 0
        hasCloud = size.isVaried || isDrawn
        cloudIsForeign = draws.draw(below: 3) == 0
    }

    /// One of several words.
    mutating func pick<Item>(_ items: [Item]) -> Item { items[draws.draw(below: items.count)] }

    /// Whether it comes to pass, with a probability of one in `n`.
    mutating func oneIn(_ n: Int) -> Bool { draws.draw(below: n) == 0 }

    // MARK: The topology

    mutating func topology() -> String {
        var lines = ["canopy: 1", "sites:"]
        for site in 0..<sites {
            let latitude = draws.draw(below: 120) - 60
            let longitude = draws.draw(below: 300) - 150
            lines.append("  s\(site): { location: [\(latitude), \(longitude)] }")
        }
        lines.append("nodes:")
        for leaf in 0..<leaves { lines.append(node("leaf-\(leaf)", "leaf", leaf)) }
        for region in 0..<regions { lines.append(node("region-\(region)", "regional", region)) }
        if hasCloud {
            lines.append(
                cloudIsForeign
                    ? "  cloud: { tier: cloud, protocol: open-inference, address: c.example:1 }"
                    : node("cloud", "cloud", 0))
        }
        lines.append("tasks:")
        for number in 0...draws.draw(below: 3) { lines += task("task-\(number)", number) }
        return lines.joined(separator: "\n") + "\n"
    }

    private var sites: Int { leaves + 2 }

    private mutating func node(_ name: String, _ tier: String, _ number: Int) -> String {
        let site = tier == "leaf" ? "s\(number / (1 + number % 2))" : "s\(sites - 1 - number % 2)"
        var words = ["tier: \(tier)", "site: \(site)", "listen: 0.0.0.0:1"]
        words.append("address: \(name).example:1")
        // Half of the leaves keep what they owe.
        if tier == "leaf", number % 2 == 0 { words.append("budget: { spool: 1GiB }") }
        if oneIn(2) { words.append("loops: \(2 + draws.draw(below: 3))") }
        if oneIn(2) { words.append("workers: \(1 + draws.draw(below: 4))") }
        if oneIn(3) { words.append("limits: { drain: 2s }") }
        var admission: [String] = []
        if oneIn(4) { admission.append("places: \(4 + draws.draw(below: 40))") }
        if tier != "leaf", oneIn(2) {
            admission.append("leaf_frames: \(1 + draws.draw(below: 6))")
        }
        if size.isVaried {
            words.append("routing: \(variedRouting())")
        } else if !admission.isEmpty {
            words.append("routing: { admission: { \(admission.joined(separator: ", ")) } }")
        }
        return "  \(name): { \(words.joined(separator: ", ")) }"
    }

    private mutating func task(_ name: String, _ number: Int) -> [String] {
        tasks.append(name)
        let digest = "sha256:" + String(repeating: "\(number + 1)", count: 64)
        var lines = ["  \(name):"]
        let skipsRegion = hasCloud && oneIn(8)
        // The first task runs everywhere, so that each tier has one.
        if number == 0 || !oneIn(5) {
            lines.append("    leaf: { bundle: \(digest), accept: 0.\(6 + draws.draw(below: 4)) }")
        }
        if !skipsRegion {
            let bar = hasCloud ? ", accept: 0.\(5 + draws.draw(below: 4))" : ""
            lines.append("    regional: { bundle: \(digest)\(bar) }")
        }
        if hasCloud {
            lines.append("    cloud: { \(cloudIsForeign ? "model: m" : "bundle: \(digest)") }")
        }
        lines.append("    deadline: \(pick([80, 200, 500, 1000, 3000]))ms")
        if lines.count > 3, lines[1].contains("leaf"), oneIn(2) {
            let rate = oneIn(3) ? ", bandwidth: \(pick([64, 512, 4_000]))kbit/s" : ""
            lines.append("    escalate: { share: \(pick([2, 8, 30, 100]))%, audit: 1%\(rate) }")
        }
        if oneIn(3) { lines.append("    mode: refine") }
        if oneIn(4) { lines.append("    confidence: \(pick(["margin", "entropy"]))") }
        return lines
    }
}
