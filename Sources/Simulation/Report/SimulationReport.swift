public import Ground
import Node
import Routing
public import Telemetry
import Topology

/// What became of a fleet's frames: for operators, and as JSON for programs.
public struct SimulationReport: Sendable {
    /// Frames of one task at one site, or sums of such.
    public struct Frames: Sendable {
        public var sent = 0
        /// Sent to a node that was not there, or that ended before it had answered.
        public var lost = 0
        /// By the tier of the last answer: leaf, regional, cloud.
        public var answers = [0, 0, 0]
        /// Answers at or above the bar.
        public var accepted = 0
        /// By reason, in the order of `degradedNames`.
        public var degraded = [Int](repeating: 0, count: degradedNames.count)
        /// By refusal, in the order of `refusedNames`.
        public var refused = [Int](repeating: 0, count: refusedNames.count)
        /// Nanoseconds to the last answer, by the tier that gave it.
        public var latency = [Sketch(), Sketch(), Sketch()]
        /// Nanoseconds to the first answer of frames in `refine` mode.
        public var first = Sketch()

        /// Frames with an answer.
        public var answered: Int { answers.reduce(0, +) }
        /// Frames shed for overload.
        public var shed: Int { refused[Self.shedPlace] }
        /// Frames that wait for nothing more: not answered and neither lost nor refused yet.
        public var underWay: Int { sent - lost - answered - refused.reduce(0, +) }
        /// All answers' latencies together.
        public var allLatencies: Sketch {
            latency.reduce(into: Sketch()) { $0.merge($1) }
        }

        private static let shedPlace = refusedNames.firstIndex(of: "overload") ?? 0

        init() {}

        init(_ cell: Tally.Cell) {
            sent = cell.sent
            lost = cell.lost
            answers = cell.answers
            accepted = cell.accepted
            degraded = cell.degraded
            refused = cell.refused
            latency = cell.latency
            first = cell.first
        }

        mutating func add(_ other: Frames) {
            sent += other.sent
            lost += other.lost
            accepted += other.accepted
            for i in answers.indices {
                answers[i] += other.answers[i]
                latency[i].merge(other.latency[i])
            }
            for i in degraded.indices { degraded[i] += other.degraded[i] }
            for i in refused.indices { refused[i] += other.refused[i] }
            first.merge(other.first)
        }
    }

    /// One site with its tasks.
    public struct Site: Sendable {
        public let name: String
        public var frames = Frames()
        /// Bytes that its nodes sent to other sites, and got from them.
        public var bytesOut: UInt64 = 0
        public var bytesIn: UInt64 = 0
        /// Share of frames that were let down, by slice of the time; `nil` where none was sent.
        public var trouble: [Double?] = []
    }

    /// What happened in one of the equal parts of the time.
    public struct Slice: Sendable {
        public let sent: Int
        public let answers: [Int]
        public let degraded: Int
        /// Refused and lost.
        public let failed: Int
        /// Nanoseconds; `nil` where nothing was answered.
        public let p50: UInt64?
        public let p99: UInt64?
    }

    public static let tierNames = Tier.allCases.map(\.rawValue)
    public static let degradedNames = DegradedReason.allCases.map(\.rawValue)
    public static let refusedNames = Refusal.all.map(\.name)

    public let title: String
    public let seed: UInt64
    public let nodes: Int
    /// Virtual time that passed.
    public let duration: Interval
    /// Length of a slice.
    public let slice: Interval
    public let total: Frames
    public let tasks: [(name: String, frames: Frames)]
    /// Sites that have cameras, or whose nodes sent bytes to others.
    public let sites: [Site]
    public let series: [Slice]
    /// Calls upstream: handed on, escalated, audited.
    public let calls: (forwards: Int, escalations: Int, audits: Int)
    public let events: UInt64
    public let trace: UInt64
    /// What happened when, with its length where it has one.
    public let happenings: [(at: Interval, lasts: Interval?, words: String)]
    public let violation: Violation?

    init(_ world: World) {
        let tally = world.tally
        title = world.scenario.title
        seed = world.seed
        nodes = world.hosts.count
        duration = min(.nanoseconds(Int64(world.now)), world.scenario.duration)
        slice = .nanoseconds(world.scenario.duration.nanoseconds / Int64(Tally.slices))
        let cells = tally.cells.map(Frames.init)
        let count = tally.tasks.count
        var total = Frames()
        for cell in cells { total.add(cell) }
        self.total = total
        tasks = tally.tasks.enumerated().map { task, name in
            var frames = Frames()
            for site in tally.sites.indices { frames.add(cells[site * count + task]) }
            return (name, frames)
        }
        sites = Self.sites(world, cells)
        series = tally.series.map(Slice.init)
        calls = (tally.calls[0], tally.calls[1], tally.calls[2])
        events = world.occurrences
        trace = world.trace.value
        happenings = world.scenario.happenings.map { ($0.at, $0.lasts, $0.words) }
        violation = world.violation
    }

    private static func sites(_ world: World, _ cells: [Frames]) -> [Site] {
        let tally = world.tally
        let count = tally.tasks.count
        var sites = tally.sites.enumerated().map { index, name in
            var site = Site(name: name)
            for task in 0..<count { site.frames.add(cells[index * count + task]) }
            site.trouble = (0..<Tally.slices).map { slice in
                let place = index * Tally.slices + slice
                let sent = tally.expected[place]
                return sent == 0 ? nil : min(Double(tally.troubled[place]) / Double(sent), 1)
            }
            return site
        }
        for link in world.links {
            let (from, to) = (world.hosts[link.from].site, world.hosts[link.to].site)
            // Nodes at no site are each somewhere else.
            guard from != to || from == tally.sites.count - 1 else { continue }
            sites[from].bytesOut += link.bytesUp
            sites[from].bytesIn += link.bytesDown
            sites[to].bytesOut += link.bytesDown
            sites[to].bytesIn += link.bytesUp
        }
        return sites.filter { $0.frames.sent > 0 || $0.bytesOut > 0 }
    }
}

extension SimulationReport.Slice {
    init(_ slice: Tally.Slice) {
        sent = slice.sent
        answers = slice.answers
        degraded = slice.degraded
        failed = slice.refused + slice.lost
        p50 = slice.latency.quantile(0.5)
        p99 = slice.latency.quantile(0.99)
    }
}
