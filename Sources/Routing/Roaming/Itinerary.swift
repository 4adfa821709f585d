public import Ground

/// Which node a client's frames go to: the nearest live one, as probes measure it.
///
/// Every candidate is probed twice a second. A node is live when its last probe said that it
/// serves, nothing broke since, and its breaker is closed. The distance is the least of the last
/// three round trips: what a busy machine or a queue adds to one of them is not distance.
/// A node that refuses frames for overload counts as farther for some seconds.
/// `NearestNode` settles on one of the live ones, and all frames of the client go there until that
/// node is lost or another is nearer by more than 20 %.
///
/// It takes events and returns effects; whoever hosts it owns clock, sockets and timers.
public struct Itinerary: Sendable {
    /// What happens to an itinerary. Nodes go by numbers of the host's, which it never uses twice.
    public enum Event: Hashable, Sendable {
        /// These are the candidates from now on, `mostCandidates` at most.
        case candidates([Int])
        /// A probe has ended.
        case probed(Int, attempt: UInt32, ProbeReport)
        /// The link to a node has broken: nothing that was sent there is answered any more.
        case broke(Int)
        /// A node answered a frame.
        case answered(Int)
        /// A node answered a frame with “unavailable”.
        case unavailable(Int)
        /// A node refused a frame because it has too much to do.
        case overloaded(Int)
        /// A node left a frame without an answer.
        case timedOut(Int)
        /// `wakeAt` has come.
        case tick
    }

    /// What the host does.
    public enum Effect: Hashable, Sendable {
        /// Ask the node for its health, and tell `probed` of it after `Settings.patience` at the
        /// latest.
        case probe(Int, attempt: UInt32)
        /// The node is silent: give up what is under way there, it will not be answered.
        case giveUp(Int)
        /// Frames go to `to` from now on; nowhere when it is `nil`. What is under way elsewhere may
        /// still be answered.
        case moved(from: Int?, to: Int?, Reason)
    }

    /// Why frames go elsewhere.
    public enum Reason: String, Sendable {
        /// There was no node before.
        case found
        /// Another one is nearer.
        case nearer
        /// The one before does not answer, or says that it serves no more.
        case lost
    }

    /// How one probe ended.
    public enum ProbeReport: Hashable, Sendable {
        /// The node serves. A probe is warm when it went over a connection that stood before: the
        /// time of any other says more of handshakes than of distance.
        case serving(isWarm: Bool)
        /// It answers and wants no frames: it drains, or loads its models.
        case notServing
        case failed
        case timedOut
    }

    public let settings: Settings
    private var stops: [Stop] = []
    private var nearest = NearestNode<Int>()
    private var random: Randomness
    private var nextRound = Instant(nanoseconds: 0)
    /// When the first of several nodes was measured, while none was chosen.
    private var firstMeasured: Instant?
    /// Where frames go.
    public private(set) var home: Int?

    /// - Parameter seed: of the breakers' jitter.
    public init(_ settings: Settings = Settings(), seed: UInt64) {
        self.settings = settings
        random = Randomness(seed: seed)
    }

    /// When the next `tick` is due.
    public var wakeAt: Instant {
        guard home == nil, let firstMeasured else { return nextRound }
        return min(nextRound, firstMeasured + settings.firstChoice)
    }

    /// What is known of a candidate's distance; `nil` before it was measured and while it is lost.
    public func distance(to node: Int) -> Interval? {
        stops.first { $0.id == node }?.distance
    }

    /// Whether frames may be sent to a candidate.
    public func isLive(_ node: Int, now: Instant) -> Bool {
        stops.first { $0.id == node }?.isLive(now) ?? false
    }

    /// Takes one event; what follows from it is appended to `effects`.
    public mutating func on(_ event: Event, now: Instant, into effects: inout [Effect]) {
        switch event {
        case .candidates(let nodes): replace(by: nodes)
        case .probed(let node, let attempt, let report):
            let patience = settings.patience
            change(node, &effects) { $0.take(report, attempt, patience: patience, now, &$1) }
        case .broke(let node): change(node, &effects) { $0.lose(.failed, now, &$1) }
        case .answered(let node):
            // So many come that nothing is chosen anew for one.
            return change(node, &effects) { $0.note(.answered, now, &$1) }
        // It had the client's whole patience, however far it is.
        case .timedOut(let node): change(node, &effects) { $0.note(.failed, now, &$1) }
        case .overloaded(let node): change(node, &effects) { $0.avoid(now, &$1) }
        case .unavailable(let node): change(node, &effects) { $0.doubt(now, &$1) }
        case .tick: beginRound(now)
        }
        probe(now, &effects)
        settle(now, &effects)
    }

    private mutating func replace(by nodes: [Int]) {
        let wanted = nodes.prefix(Self.mostCandidates)
        stops.removeAll { !wanted.contains($0.id) }
        for node in wanted where !stops.contains(where: { $0.id == node }) {
            stops.append(Stop(id: node, breaker: CircuitBreaker(settings.breaker)))
        }
    }

    private mutating func change(
        _ node: Int, _ effects: inout [Effect], _ body: (inout Stop, inout Randomness) -> Void
    ) {
        guard let index = stops.firstIndex(where: { $0.id == node }) else { return }
        body(&stops[index], &random)
        if stops[index].takeFall() { effects.append(.giveUp(node)) }
    }

    private mutating func beginRound(_ now: Instant) {
        guard now >= nextRound else { return }
        nextRound = now + settings.probeEvery
        for index in stops.indices { stops[index].wantsProbe = true }
    }

    private mutating func probe(_ now: Instant, _ effects: inout [Effect]) {
        for index in stops.indices {
            guard let attempt = stops[index].beginProbe(now) else { continue }
            effects.append(.probe(stops[index].id, attempt: attempt))
        }
    }

    /// Chooses, once enough is known, and says when the choice is another one.
    private mutating func settle(_ now: Instant, _ effects: inout [Effect]) {
        let candidates = stops.map { $0.candidate(now) }
        guard candidates.contains(where: \.isLive) else {
            firstMeasured = nil
            return move(to: nil, .lost, &effects)
        }
        if home == nil {
            let first = firstMeasured ?? now
            firstMeasured = first
            let isDecided = stops.count == 1 || stops.allSatisfy(\.isKnown)
            guard isDecided || now - first >= settings.firstChoice else { return }
        }
        let wasLive = candidates.contains { $0.id == home && $0.isLive }
        let chosen = nearest.settle(among: candidates).map { candidates[$0].id }
        move(to: chosen, home == nil ? .found : wasLive ? .nearer : .lost, &effects)
    }

    private mutating func move(to node: Int?, _ reason: Reason, _ effects: inout [Effect]) {
        guard node != home else { return }
        effects.append(.moved(from: home, to: node, reason))
        home = node
        firstMeasured = nil
    }
}
