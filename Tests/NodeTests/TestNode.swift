import Ground
import Node
import Routing

/// A node with one task, one frame at a time, and what it did so far.
struct TestNode {
    var node: Node
    let start = Instant(nanoseconds: 1_000_000_000)
    var now: Instant
    var id: FrameID?
    private var effects = Effects()

    var replies: [Verdict] = []
    var refinements: [Verdict] = []
    var refusals: [Refusal] = []
    var calls: [PeerCall] = []
    var cancelledCalls: [UInt32] = []
    var comparisons: [UInt32] = []
    var alerts = 0
    /// What was emitted before the first call.
    var alertsBeforeCalls = 0
    var probes: [Int] = []
    /// The last probe of each peer that was sent.
    var probeNumbers: [(peer: Int, number: UInt32)] = []
    var changes: [Change] = []
    var inferences = 0
    var forgotten = 0
    /// Why frames were handed to the spool, and how many replies and refinements there were when
    /// a record was made.
    var owed: [DegradedReason] = []
    var records: [Int] = []
    var alarm: Instant?
    /// Effects after the frame was forgotten: always a fault.
    var afterTheEnd = 0

    var isOver: Bool { forgotten == 1 && node.frames == 0 && afterTheEnd == 0 }

    init(
        bar: Double?, peers: Int = 1, mayLeave: Bool = true, hasModel: Bool = true,
        share: Double = 1, audit: Double = 0, seed: UInt64 = 1,
        course: (inout Course) -> Void = { _ in }, policy: (inout Policy) -> Void = { _ in }
    ) {
        now = start
        let surroundings = Surroundings.forTests(
            peers: peers, mayLeave: mayLeave, share: share, audit: audit, seed: seed,
            start: start, course, policy)
        node = Node(surroundings)
        if hasModel { hear(.modelReady(task: 0, bar: bar.flatMap(Bar.init))) }
    }

    mutating func arrive(
        mode: Mode = .wait, deadline: Interval = .seconds(1), accept: Double? = nil,
        mayTravel: Bool = true, workClass: WorkClass = .realtime, source: Int = 0,
        isEntry: Bool = true
    ) {
        guard let id = node.admit() else { return }
        self.id = id
        forgotten = 0
        hear(
            .arrived(
                id,
                Arrival(
                    task: 0, mode: mode, workClass: workClass, source: source,
                    deadline: now + deadline, bytes: 10_000, accept: accept.flatMap(Bar.init),
                    mayTravel: mayTravel, isEntry: isEntry)))
    }

    mutating func frame(_ event: FrameEvent) {
        if let id { hear(.frame(id, event)) }
    }

    mutating func hear(_ event: Event) {
        effects.removeAll()
        node.on(event, now: now, into: &effects)
        for effect in effects.list {
            if forgotten > 0, !effect.isOfTheNode { afterTheEnd += 1 }
            note(effect)
        }
    }

    private mutating func note(_ effect: Effect) {
        switch effect {
        case .infer: inferences += 1
        case .cancelInference: break
        case .alert:
            alerts += 1
            if calls.isEmpty && replies.isEmpty { alertsBeforeCalls += 1 }
        case .call(_, let call): calls.append(call)
        case .cancelCall(_, let attempt): cancelledCalls.append(attempt)
        case .arm(_, let at): alarm = at
        case .reply(_, let verdict): replies.append(verdict)
        case .refine(_, let verdict): refinements.append(verdict)
        case .refuse(_, let refusal): refusals.append(refusal)
        case .compare(_, let attempt): comparisons.append(attempt)
        case .owe(_, let reason): owed.append(reason)
        case .record: records.append(replies.count + refinements.count)
        case .forget: forgotten += 1
        case .probe(let peer, let number, _):
            probes.append(peer)
            probeNumbers.removeAll { $0.peer == peer }
            probeNumbers.append((peer, number))
        case .noted(let change): changes.append(change)
        case .tell: break
        }
    }
}

extension Effect {
    /// Whether it is about no single frame.
    var isOfTheNode: Bool {
        switch self {
        case .probe, .noted, .tell: true
        default: false
        }
    }
}

extension Verdict {
    static func local(
        accepted: Bool, degraded: DegradedReason? = nil, final: Bool = true
    ) -> Verdict {
        Verdict(answerer: .here, accepted: accepted, degraded: degraded, final: final)
    }

    static func upstream(attempt: UInt32, accepted: Bool) -> Verdict {
        Verdict(
            answerer: .peer(attempt: attempt), accepted: accepted, degraded: nil, final: true)
    }
}

extension Surroundings {
    /// One task whose frames may go to `peers` nodes of the next tier.
    static func forTests(
        peers: Int, mayLeave: Bool = true, share: Double = 1, audit: Double = 0,
        seed: UInt64 = 1, start: Instant, _ change: (inout Course) -> Void = { _ in },
        _ adjust: (inout Policy) -> Void = { _ in }
    ) -> Surroundings {
        let limits = try! EscalationBudget.Limits(share: share)
        var course = Course(
            levels: peers == 0 ? [] : [Array(0..<peers)], mayLeave: mayLeave,
            budget: EscalationBudget(limits, now: start), audits: AuditSampler(share: audit)!)
        change(&course)
        var policy = Policy(retries: RetryBudget.Settings(.leaf))
        adjust(&policy)
        return Surroundings(
            courses: [course], peers: (0..<peers).map { _ in Peer(prior: .milliseconds(20)) },
            policy: policy, randomness: Randomness(seed: seed), now: start)
    }
}
