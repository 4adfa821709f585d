import Ground
import Routing
import Telemetry
import Topology

/// What became of frames, counted while the world runs.
struct Tally {
    /// Frames of one task at one site.
    struct Cell {
        var sent = 0
        var lost = 0
        /// By tier that gave the last answer.
        var answers = [0, 0, 0]
        var accepted = 0
        /// By reason, in the order of `DegradedReason.allCases`.
        var degraded = [Int](repeating: 0, count: DegradedReason.allCases.count)
        /// By refusal, in the order of `Refusal.all`.
        var refused = [Int](repeating: 0, count: Refusal.all.count)
        /// Time to the last answer, in nanoseconds, by tier that gave it.
        var latency = [Sketch(), Sketch(), Sketch()]
        /// Time to the first answer of those that get two.
        var first = Sketch()
    }

    /// What happened in one part of the time.
    struct Slice {
        var sent = 0
        var lost = 0
        var answers = [0, 0, 0]
        var degraded = 0
        var refused = 0
        var latency = Sketch()
    }

    /// Parts of the time: as many as a plot of ordinary width can show.
    static let slices = 240
    /// Stands for nodes that are at no site.
    static let nowhere = "(no site)"

    let sites: [String]
    let tasks: [String]
    private(set) var cells: [Cell]
    private(set) var series: [Slice]
    /// Frames at a site that had no answer, or a degraded one, by slice: `site × slices + slice`.
    private(set) var troubled: [UInt32]
    /// Frames that were sent at a site, likewise.
    private(set) var expected: [UInt32]
    /// Calls by purpose: forward, escalation, audit.
    private(set) var calls = [0, 0, 0]
    /// Second calls beside a first one, and after one that failed.
    private(set) var hedges = 0
    private(set) var retries = 0
    var audits = 0
    var alerts = 0
    /// Frames that were handed to a spool, and answers that were recorded.
    var owed = 0
    var records = 0
    /// Records that a disk did not take.
    var unkept = 0
    /// Breakers that opened, hosts that were ejected.
    private(set) var opened = 0
    private(set) var ejected = 0
    private let sliceLength: UInt64
    private let end: UInt64

    init(_ topology: Topology, _ scenario: Scenario) {
        sites = topology.sites.map(\.name) + [Self.nowhere]
        tasks = topology.tasks.map(\.name)
        cells = [Cell](repeating: Cell(), count: sites.count * max(tasks.count, 1))
        series = [Slice](repeating: Slice(), count: Self.slices)
        troubled = [UInt32](repeating: 0, count: sites.count * Self.slices)
        expected = troubled
        end = UInt64(scenario.duration.nanoseconds)
        sliceLength = max(end / UInt64(Self.slices), 1)
    }

    /// Index of a node's site.
    func site(of node: NodePlan) -> Int {
        node.site.flatMap { sites.firstIndex(of: $0) } ?? sites.count - 1
    }

    private func slice(_ now: UInt64) -> Int { min(Int(now / sliceLength), Self.slices - 1) }

    private func cell(_ site: Int, _ task: Int) -> Int { site * tasks.count + task }

    mutating func sent(site: Int, task: Int, now: UInt64) {
        cells[cell(site, task)].sent += 1
        series[slice(now)].sent += 1
        expected[site * Self.slices + slice(now)] += 1
    }

    mutating func lost(site: Int, task: Int, now: UInt64) {
        cells[cell(site, task)].lost += 1
        series[slice(now)].lost += 1
        trouble(site, now)
    }

    mutating func refused(_ refusal: Refusal, site: Int, task: Int, now: UInt64) {
        let index = Refusal.all.firstIndex(of: refusal) ?? 0
        cells[cell(site, task)].refused[index] += 1
        series[slice(now)].refused += 1
        trouble(site, now)
    }

    mutating func called(_ call: PeerCall) {
        switch call.reason {
        case .hedge: hedges += 1
        case .retry: retries += 1
        case .first: break
        }
        switch call.purpose {
        case .forward: calls[0] += 1
        case .escalation: calls[1] += 1
        case .audit: calls[2] += 1
        }
    }

    mutating func noted(_ change: Change) {
        switch change {
        case .breaker(_, .open): opened += 1
        case .ejected(_, true): ejected += 1
        default: break
        }
    }

    mutating func answered(
        _ frame: SimulatedFrame, _ answer: Answer, final: Bool, site: Int, task: Int, now: UInt64
    ) {
        let cell = cell(site, task)
        let took = now - frame.since
        guard final else { return cells[cell].first.insert(took) }
        let tier = answer.tier.rank
        cells[cell].answers[tier] += 1
        cells[cell].latency[tier].insert(took)
        if answer.accepted { cells[cell].accepted += 1 }
        series[slice(now)].answers[tier] += 1
        series[slice(now)].latency.insert(took)
        guard let reason = answer.degraded else { return }
        cells[cell].degraded[DegradedReason.allCases.firstIndex(of: reason) ?? 0] += 1
        series[slice(now)].degraded += 1
        // A frame that the budget held back is as planned; the others were let down.
        if reason != .budget, reason != .localOnly { trouble(site, now) }
    }

    private mutating func trouble(_ site: Int, _ now: UInt64) {
        troubled[site * Self.slices + slice(now)] += 1
    }
}

extension Refusal {
    static let all: [Self] = [
        .invalid, .deadline, .overload, .quota, .unavailable, .localOnly,
    ]

    /// What reports call it.
    var name: String {
        switch self {
        case .invalid: "invalid"
        case .deadline: "deadline"
        case .overload: "overload"
        case .quota: "quota"
        case .unavailable: "unavailable"
        case .localOnly: "local_only"
        }
    }
}
