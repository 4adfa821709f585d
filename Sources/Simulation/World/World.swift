import Ground
import Node
import Routing
import Topology

/// A fleet in virtual time: it hosts the same `Node` values as the gateway does, on virtual links,
/// engines, clocks and cameras. Nothing in it reads a real clock, and one seed fixes all of it.
struct World {
    let topology: Topology
    let scenario: Scenario
    let seed: UInt64
    var settings: WorldSettings

    var hosts: [Host] = []
    var shards: [Shard] = []
    var links: [Link] = []
    var cameras: [Camera] = []
    /// The scenario's loads as plain numbers, and when their frames come.
    let loads: [LoadTraits]
    let rhythms: [Rhythm]
    var calls = Calls()
    var post = Post()
    var agenda: Agenda
    /// Nanoseconds since the scenario began.
    var now: UInt64 = 0
    /// Indexes of happenings that are under way, in the order of the scenario.
    var active: [Int] = []
    /// By happening: whether a flapping link is cut at this moment.
    var flapped: [Bool]
    /// Camera frames so far.
    var serial: UInt64 = 0

    var trace = TraceHash()
    var tally: Tally
    var recorder: Recorder?
    private(set) var violation: Violation?
    /// Whether there is one: asked before each occurrence, and the violation itself is large.
    private(set) var isBroken = false
    /// Occurrences so far that were news to anybody: timers of frames that are over are not.
    var occurrences: UInt64 = 0
    /// Since when nothing has been wrong with the fleet; `nil` while something is.
    var wellSince: UInt64? = 0

    /// Nothing new is sent or noted any more: what is under way ends.
    var isEnding = false

    var effects = Effects()
    /// By shard: until when, in the world's time, its ticks do nothing.
    var dozes: [UInt64] = []

    /// How often the world looks around: each simulated second.
    static let lookEvery: UInt64 = 1_000_000_000

    /// - Throws: `invalid` when the topology has numbers that no node can run on.
    init(
        _ topology: Topology, _ scenario: Scenario, seed: UInt64, _ settings: WorldSettings
    ) throws(Fault) {
        self.topology = topology
        self.scenario = scenario
        self.seed = seed
        self.settings = settings
        loads = scenario.loads.map { LoadTraits($0, topology) }
        rhythms = scenario.loads.map(Rhythm.init)
        recorder = settings.records.map { Recorder($0) }
        let ties = settings.planted.breaksTiesByHash ? Array(Set(UInt64(0)..<256)) : nil
        agenda = Agenda(ties: ties)
        flapped = [Bool](repeating: false, count: scenario.happenings.count)
        tally = Tally(topology, scenario)
        try build()
    }

    /// Lets time pass until `end`, in nanoseconds since the beginning, or the first violation.
    mutating func run(until end: UInt64) {
        while !isBroken || !settings.stopsAtViolation, let next = agenda.take(until: end) {
            now = next.at
            if agenda.isNews() { lookAhead() }
            dispatch(next)
        }
        if !isBroken || !settings.stopsAtViolation { now = max(now, end) }
    }

    /// Keeps a violation, unless there is one already.
    mutating func note(_ violation: Violation) {
        guard !isBroken else { return }
        self.violation = violation
        isBroken = true
    }

    private mutating func dispatch(_ next: Occurrence) {
        switch next.kind {
        case .cameraSends: cameraSends(Int(next.a), next.b)
        case .timer: rings(Int(next.a), next.frame, incarnation: next.d)
        case .inferenceEnds: inferenceEnds(Int(next.a), Int(next.b), epoch: next.d)
        case .identityEnds: identityEnds(Int(next.a), next.frame)
        case .inferenceFails: inferenceFails(Int(next.a), next.frame, next.d)
        case .callArrives: callArrives(next.call)
        case .callReturns: callReturns(next.call)
        case .callExpires: callExpires(next.call)
        case .tick: tick(Int(next.a), next.b)
        case .probeArrives: probeArrives(Int(next.a), Int(next.b), next.c, next.d)
        case .probeReturns: probeEnds(Int(next.a), Int(next.b), next.c, next.d, isWell: true)
        case .probeFails, .probeExpires:
            probeEnds(Int(next.a), Int(next.b), next.c, next.d, isWell: false)
        case .cancelArrives: cancelArrives(Int(next.a), next.frame, incarnation: next.d)
        case .letterArrives: letterArrives(Int(next.a), Int(next.b), incarnation: next.d)
        case .modelLoaded: modelsLoaded(Int(next.a), epoch: next.b)
        case .hostStarts: hostStarts(Int(next.a), starts: next.b)
        case .drainEnds: drainEnds(Int(next.a), starts: next.b)
        case .happens: happens(Int(next.a), Int(next.b))
        case .spoolCommits: spoolCommits(Int(next.a), next.frame, incarnation: next.d)
        case .spoolSends: spoolSends(Int(next.a), starts: next.b)
        case .batchArrives: batchArrives(Int(next.a), UInt64(next.b)...UInt64(next.c))
        case .batchReturns: batchReturns(Int(next.a), UInt64(next.b))
        case .deskCommits: deskCommits(Int(next.a), starts: next.d)
        case .deskNotes: deskNotes(Int(next.a), starts: next.d)
        case .deskSteps: deskSteps(Int(next.a), next.b, starts: next.d)
        case .uploadGoes: uploadGoes(Int(next.a), next.b)
        case .uploadArrives: uploadArrives(Int(next.a), next.b)
        case .uploadReturns: uploadReturns(Int(next.a), next.b)
        case .uploadExpires: uploadExpires(Int(next.a), next.b)
        case .owedEnds: owedEnds(Int(next.a), next.b, next.c, next.d)
        case .look: look()
        }
    }

    mutating func schedule(
        _ kind: Occurrence.Kind, at: UInt64, _ a: Int, _ b: UInt32 = 0, _ c: UInt32 = 0,
        _ d: UInt32 = 0
    ) {
        agenda.add(
            Occurrence(at: at, order: 0, a: UInt32(a), b: b, c: c, d: d, kind: kind))
    }

    /// What a host's clock says.
    func clock(of host: Int) -> Instant { hosts[host].clock.now(now) }
}

extension Occurrence {
    var frame: FrameID { FrameID(slot: b, generation: c) }
    var call: CallID { CallID(index: a, generation: b) }
}
