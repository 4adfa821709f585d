import Ground

@testable import Routing

/// Nodes at distances that a test sets, an itinerary among them, and a clock that jumps from event
/// to event.
struct RoamingWorld {
    /// What a node is like.
    enum Node: Equatable {
        /// It answers after so many milliseconds.
        case away(Double)
        /// Its connections are refused at once.
        case refuses
        /// It swallows everything.
        case silent
        /// It answers that it serves nothing, after so many milliseconds.
        case draining(Double)
    }

    private struct Answer {
        let at: Instant
        let node: Int
        let attempt: UInt32
        let report: Itinerary.ProbeReport
    }

    var itinerary: Itinerary
    private(set) var nodes: [Int: Node] = [:]
    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    /// Every move so far.
    private(set) var moves: [(to: Int?, reason: Itinerary.Reason)] = []
    /// Nodes whose frames under way were given up.
    private(set) var givenUp: [Int] = []
    /// Probes of each node so far.
    private(set) var probes: [Int: Int] = [:]
    private var connected: Set<Int> = []
    private var answers: [Answer] = []
    private var effects: [Itinerary.Effect] = []

    init(_ nodes: [Node], seed: UInt64 = 1) {
        itinerary = Itinerary(seed: seed)
        for (number, node) in nodes.enumerated() { self.nodes[number] = node }
        on(.candidates(Array(nodes.indices)))
    }

    var home: Int? { itinerary.home }

    /// Makes a node something else. A node that dies cuts its links, unless it falls silent.
    mutating func set(_ number: Int, _ node: Node) {
        nodes[number] = node
        if node == .refuses, connected.remove(number) != nil { on(.broke(number)) }
    }

    /// Lets time pass.
    mutating func run(_ seconds: Double) {
        let end = now + Interval(nanoseconds: Int64(seconds * 1e9))
        while true {
            let next = answers.indices.min { answers[$0].at < answers[$1].at }
            let answerAt = next.map { answers[$0].at } ?? .distantFuture
            let at = min(answerAt, itinerary.wakeAt)
            guard at <= end else { break }
            now = max(now, at)
            if let next, answerAt <= itinerary.wakeAt {
                let answer = answers.remove(at: next)
                on(.probed(answer.node, attempt: answer.attempt, answer.report))
            } else {
                on(.tick)
            }
        }
        now = end
    }

    /// Sleeps, and finds at once what would have happened meanwhile.
    mutating func sleep(_ seconds: Double) {
        now = now + Interval(nanoseconds: Int64(seconds * 1e9))
        run(0)
    }

    mutating func on(_ event: Itinerary.Event) {
        effects.removeAll()
        itinerary.on(event, now: now, into: &effects)
        for effect in effects {
            switch effect {
            case .probe(let node, let attempt): probe(node, attempt)
            case .giveUp(let node): givenUp.append(node)
            case .moved(_, let to, let reason): moves.append((to, reason))
            }
        }
    }

    private mutating func probe(_ node: Int, _ attempt: UInt32) {
        probes[node, default: 0] += 1
        let (took, report) = answer(of: node)
        let patience = itinerary.settings.patience
        answers.append(
            Answer(
                at: now + min(took, patience), node: node, attempt: attempt,
                report: took < patience ? report : .timedOut))
    }

    /// A first answer costs a connection and a handshake as well.
    private mutating func answer(of node: Int) -> (Interval, Itinerary.ProbeReport) {
        let isWarm = connected.contains(node)
        func trip(_ milliseconds: Double) -> Interval {
            Interval(nanoseconds: Int64(milliseconds * (isWarm ? 1e6 : 4e6)))
        }
        switch nodes[node] {
        case .away(let distance):
            connected.insert(node)
            return (trip(distance), .serving(isWarm: isWarm))
        case .draining(let distance):
            connected.insert(node)
            return (trip(distance), .notServing)
        case .refuses: return (.milliseconds(1), .failed)
        case .silent, nil: return (.seconds(3600), .timedOut)
        }
    }
}
