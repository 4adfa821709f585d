internal import Ground

/// One candidate of an itinerary.
struct Stop: Sendable {
    let id: Int
    var breaker: CircuitBreaker
    /// The last round trips, at most `Itinerary.Settings.samples`.
    private var samples: [Interval] = []
    /// Its last probe said so, and nothing broke since.
    private var isServing = false
    /// As much was heard of it as can be said of a node: its distance, or that it is lost.
    private(set) var isKnown = false
    /// A probe should go as soon as none is under way.
    var wantsProbe = true
    private var probe: (number: UInt32, leave: CircuitBreaker.Attempt)?
    private var probes: UInt32 = 0
    /// Holds the penalty for refusals alone: distances are measured by probes.
    private var refusals = RoundTrip()
    /// When it last answered a frame.
    private var heardAt: Instant?
    /// It has fallen silent: nothing that is under way there will be answered.
    private var hasFallen = false

    init(id: Int, breaker: CircuitBreaker) {
        self.id = id
        self.breaker = breaker
    }

    var distance: Interval? { samples.min() }

    func isLive(_ now: Instant) -> Bool {
        isServing && !samples.isEmpty && breaker.state(now: now) == .closed
    }

    /// A node that has too much to do counts as farther than it is, until that is forgotten.
    func candidate(_ now: Instant) -> NearestNode<Int>.Candidate {
        let distance = (distance ?? .zero) + refusals.cost(prior: .zero, now: now)
        return NearestNode<Int>.Candidate(
            id: id, distance: distance, cost: distance, pending: 0, isLive: isLive(now))
    }

    /// The number of a probe that goes now; `nil` when none does.
    mutating func beginProbe(_ now: Instant) -> UInt32? {
        guard wantsProbe, probe == nil else { return nil }
        wantsProbe = false
        guard let leave = breaker.admit(now: now) else { return nil }
        probes &+= 1
        probe = (probes, leave)
        return probes
    }

    /// Hears of a probe's end.
    ///
    /// - Parameter patience: how long it was to wait at most.
    mutating func take(
        _ report: Itinerary.ProbeReport, _ number: UInt32, patience: Interval, _ now: Instant,
        _ random: inout Randomness
    ) {
        guard let sent = probe, sent.number == number else { return }
        probe = nil
        let took = now - sent.leave.start
        // A link that our own frames fill delays probes; as long as they are answered it is slow
        // and not dead.
        if report == .timedOut, took > patience + patience {
            // The clock was late by as much again: this machine slept, and not the node.
            breaker.settle(sent.leave, .rejected, expected: took, now: now, random: &random)
            return wantsProbe = true
        }
        let isHeard = heardAt.map { $0 > sent.leave.start } ?? false
        let isSlow = report == .timedOut && isServing && isHeard
        let report = isSlow ? .serving(isWarm: true) : report
        breaker.settle(
            sent.leave, report.outcome, expected: distance ?? took, now: now, random: &random)
        switch report {
        case .serving(isWarm: true): measure(took)
        case .serving(isWarm: false):
            isServing = true
            // Its time includes a handshake's: the next one tells the distance.
            wantsProbe = true
        // What is under way on a link that broke is told of by its own end.
        case .notServing, .failed: forget()
        case .timedOut: fall()
        }
    }

    private mutating func measure(_ sample: Interval) {
        isServing = true
        if samples.count == Itinerary.Settings.samples { samples.removeFirst() }
        samples.append(sample)
        isKnown = samples.count == Itinerary.Settings.samples
        // One time says little of a node that is new: it is asked again until there are as many
        // as usual.
        if !isKnown { wantsProbe = true }
    }

    /// The link broke.
    mutating func lose(_ outcome: AttemptOutcome, _ now: Instant, _ random: inout Randomness) {
        // The links of several cameras break at once, for one reason.
        if isServing { note(outcome, now, &random) }
        forget()
        wantsProbe = true
    }

    /// It refused a frame because it has too much to do: it is well, and others may be better.
    mutating func avoid(_ now: Instant, _ random: inout Randomness) {
        note(.throttled, now, &random)
        refusals.throttled(prior: distance ?? .zero, now: now)
    }

    /// It said “unavailable” to a frame: whether that holds for others too, a probe tells.
    mutating func doubt(_ now: Instant, _ random: inout Randomness) {
        note(.failed, now, &random)
        wantsProbe = true
    }

    /// Hears how a frame fared. What comes late, of frames from before the breaker opened, says
    /// nothing of the node as it is now.
    mutating func note(
        _ outcome: AttemptOutcome, _ now: Instant, _ random: inout Randomness
    ) {
        guard breaker.state(now: now) == .closed, let leave = breaker.admit(now: now) else {
            return
        }
        if outcome == .answered { heardAt = now }
        breaker.settle(
            leave, outcome, expected: distance ?? .zero, now: now, random: &random)
        if breaker.state(now: now) == .open { fall() }
    }

    /// Whether it has fallen silent since this was asked last.
    mutating func takeFall() -> Bool {
        defer { hasFallen = false }
        return hasFallen
    }

    private mutating func fall() {
        if isServing { hasFallen = true }
        forget()
    }

    private mutating func forget() {
        isServing = false
        isKnown = true
        samples.removeAll(keepingCapacity: true)
    }
}

extension Itinerary.ProbeReport {
    /// As the breaker hears of it.
    fileprivate var outcome: AttemptOutcome {
        switch self {
        case .serving, .notServing: .answered
        case .failed, .timedOut: .failed
        }
    }
}
