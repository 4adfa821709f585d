public import Ground
import Topology

/// A site that is cut off for two days, made up from a seed: its real spool on a virtual disk that
/// overflows, clocks that drift and step, a certificate that ends, a node that is killed and begins
/// again; then the link is back, bad at first, and what is owed goes up.
///
/// What must hold: every local frame is answered, disk and memory stay within their bounds, every
/// loss is a gap, the hub counts what was acknowledged, and each receipt has its answer.
public struct OfflineTrial: Sendable {
    /// Bugs that somebody could write; each must be found.
    public enum Planted: String, CaseIterable, Sendable {
        /// What was lost is not said to the hub.
        case dropsGaps = "drops-gaps"
        /// What the hub has is not settled.
        case forgetsCursor = "forgets-cursor"
        /// A batch is settled when it leaves.
        case settlesEarly = "settles-early"
        /// The hub counts what comes again.
        case countsAgain = "counts-again"
        /// The spool knows another quota than the operator.
        case noQuota = "no-quota"
        /// Nobody is told that the certificate ends.
        case silentCertificate = "silent-certificate"
        /// A node whose certificate has ended answers nobody.
        case stopsAtExpiry = "stops-at-expiry"
    }

    /// How long the site is alone, and how often a camera sends.
    public struct Size: Sendable {
        /// 48 h: what a site is to get by for, by default of those who ask for it.
        public var hours = 48
        /// Mean seconds between two frames of the site.
        public var every = 5.0

        public init() {}
    }

    /// What came of one queue.
    public struct Queue: Sendable {
        public let name: String
        /// Records that were on the node's disk, by its own word.
        public let acknowledged: Int
        /// Those that the hub counts, and those that gaps stand for.
        public let counted: Int
        public let gapped: Int
    }

    public let seed: UInt64
    public let quota: Int
    /// The most bytes of disk that the spool had.
    public let mostHeld: Int
    public let frames: Int
    public let answered: Int
    /// Frames sent while the node was away, for it was killed or started again.
    public let lost: Int
    /// Receipts, and how many of their frames were answered or lost.
    public let owed: Int
    public let settled: Int
    public let owedLost: Int
    public let queues: [Queue]
    public let events: UInt64
    public let trace: UInt64
    public let violation: Violation?
    public let story: [String]

    /// Lives through the trial of a seed.
    ///
    /// - Throws: `inner` when what was made up is not valid.
    public init(seed: UInt64, size: Size = Size(), planted: Planted? = nil) throws(Fault) {
        var site = OfflineSite(seed: seed, size: size)
        let (topology, scenario) = try site.read()
        var settings = WorldSettings()
        settings.disks = site.disks()
        settings.planted.owing = planted
        settings.planted.countsAgain = planted == .countsAgain
        var simulation = try Simulation(topology, scenario, seed: seed, settings: settings)
        simulation.finish()
        let (world, total) = (simulation.world, simulation.report.total)
        let desk = world.hosts.lazy.compactMap(\.desk).first
        self.seed = seed
        quota = topology.nodes.lazy.compactMap(\.budget.spool).first ?? 0
        mostHeld = desk?.mostHeld ?? 0
        (frames, answered, lost) = (total.sent, total.answered, total.lost)
        settled = desk?.answered ?? 0
        owedLost = desk?.lost ?? 0
        owed = settled + owedLost + (desk?.promised.count ?? 0)
        queues = SpoolQueue.allCases.compactMap { queue in
            desk.map { desk in
                let books = desk.accounts[queue]
                return Queue(
                    name: "\(queue)", acknowledged: books.acknowledged, counted: books.counted,
                    gapped: books.gapped)
            }
        }
        events = simulation.events
        trace = simulation.trace
        violation = simulation.violation
        story = try simulation.story()
    }
}

/// Draws one site, what happens to it, and its disk.
struct OfflineSite {
    let size: OfflineTrial.Size
    private var draws: Randomness

    init(seed: UInt64, size: OfflineTrial.Size) {
        self.size = size
        draws = Randomness(seed: Randomness.seed(seed, 98, 0))
    }

    private mutating func pick<Item>(_ items: [Item]) -> Item {
        items[draws.draw(below: items.count)]
    }

    /// The checked topology and scenario.
    mutating func read() throws(Fault) -> (Topology, Scenario) {
        let (fleet, plan) = (topology(), scenario())
        do throws(TopologyFaults) {
            let topology = try Topology(
                validating: TopologyFile(text: fleet, name: "offline.yaml"))
            let file = TopologyFile(text: plan, name: "offline-scenario.yaml", of: .scenario)
            return (topology, try Scenario(validating: file, for: topology))
        } catch {
            throw Fault(.inner, "a site was made up that is not valid:\n\(error)")
        }
    }

    private mutating func topology() -> String {
        let digest = "sha256:" + String(repeating: "1", count: 64)
        let quota = pick([1, 1, 2, 4])
        // A probe every 10 s: two days of more would be hours of simulating.
        return """
            canopy: 1
            sites: { shop: { offline: { hours: \(size.hours) } }, centre: {} }
            nodes:
              leaf:
                tier: leaf
                site: shop
                listen: 0.0.0.0:1
                loops: \(pick([1, 1, 2]))
                budget: { spool: \(quota)MiB }
                spool: { rate: \(pick([256, 512, 2_000]))kbit/s, gather: \(pick([2, 10, 60]))s }
                routing: { probe: { every: 10s } }
              regional: { tier: regional, site: centre, listen: 0.0.0.0:1, address: r.example:1 }
            tasks:
              look:
                leaf: { bundle: \(digest), accept: 0.9 }
                regional: { bundle: \(digest) }
                deadline: \(pick([300, 1_000]))ms
                mode: \(pick(["wait", "wait", "refine"]))
                alert: { labels: [a], at: 0.98 }
            """
    }

    private mutating func scenario() -> String {
        let back = 3_600 * (1 + size.hours)
        let cameras = pick([1, 2, 4])
        let every = Int(size.every * 1_000) * cameras
        let load = [
            "to: leaf", "task: look", "cameras: \(cameras)", "every: \(every)ms",
            "shape: \(pick(["steady", "random"]))", "bytes: \(pick([1_500, 4_000, 12_000]))",
            "unsure: \(pick([5, 12, 30]))%", "alarming: 0.5%",
        ]
        let link = [
            "between: [leaf, regional]", "latency: \(5 + draws.draw(below: 60))ms", "jitter: 5ms",
            "loss: \(pick([0, 0, 1]))%", "bandwidth: \(pick([512, 4_000, 20_000]))kbit/s",
        ]
        var lines = ["scenario: 1", "duration: \(back + 2 * 3_600)s", "load:"]
        lines.append("  - { \(load.joined(separator: ", ")) }")
        lines.append("network:")
        lines.append("  - { \(link.joined(separator: ", ")) }")
        lines.append("happenings:")
        lines += happenings(back).map { "  - { \($0) }" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// - Parameter back: when the link is back, in seconds.
    private mutating func happenings(_ back: Int) -> [String] {
        // It comes back badly: words are lost on the way, so that batches come again.
        let bad = [
            "between: [leaf, regional]", "loss: \(10 + draws.draw(below: 30))%",
            "bandwidth: \(pick([128, 512, 4_000]))kbit/s",
        ].joined(separator: ", ")
        return [
            "at: 1h, for: \(size.hours)h, partition: { between: [leaf, regional] }",
            "at: \(back)s, for: \(600 + draws.draw(below: 1_800))s, link: { \(bad) }",
            "at: 0s, clock: { of: leaf, drift: \(draws.draw(below: 401) - 200)ppm }",
            "at: \(hour())s, clock: { of: leaf, step: \(draws.draw(below: 121) - 60)s }",
            "at: \(hour())s, for: 20s, kill: leaf",
            "at: \(hour())s, for: 20s, \(pick(["kill", "restart"])): leaf",
            "at: \(back + 600 + draws.draw(below: 1_800))s, for: 30s, kill: "
                + pick(["leaf", "regional"]),
        ]
    }

    /// Some moment while the site is alone, in seconds.
    private mutating func hour() -> Int { 3_700 + draws.draw(below: 3_600 * size.hours - 200) }

    mutating func disks() -> DiskPlan {
        var plan = DiskPlan()
        plan.isSealed = draws.draw(below: 3) == 0
        let second: UInt64 = 1_000_000_000
        if draws.draw(below: 3) == 0 {
            let from = UInt64(hour())
            plan.crowd = DiskPlan.Crowd(
                from: from * second, until: (from + 7_200) * second,
                room: draws.draw(below: 100_000))
        }
        // It ends while the site is alone, or just after; and is renewed when somebody is there.
        let left = Int64(hour() + draws.draw(below: 3_600))
        plan.certificate = DiskPlan.Certificate(
            age: .seconds(80 * 86_400), left: .seconds(left),
            renewal: .seconds(pick([left - 3_000, Int64(3_600 * (1 + size.hours) + 4_000)])))
        return plan
    }
}
