import EventLoop
import Ground
import Logging
import Node
import Records
import Routing
import Synchronization
import Telemetry
import Topology
import Wire

/// What operators ask of a node as a whole, whatever loop they come in on. From any thread; what is
/// answered is answered on the asking loop.
final class ControlPlane: Sendable {
    /// What an operator said of one peer.
    struct Override: Sendable {
        let word: String
        /// `nil` is until further notice.
        let until: Instant?
        /// Tells a timer of an earlier override from this one's.
        let number: Int
    }

    /// What is known node-wide.
    struct State: Sendable {
        let begun: Instant
        var configuration = NodeStatus.Configuration()
        /// By peer.
        var overrides: [Int: Override] = [:]
        var overridesMade = 0
        /// The process ends: nothing brings the node back.
        var isEnding = false
    }

    /// The longest override that is not until further notice. A day: longer ones are forgotten.
    static let longestOverride = Interval.seconds(86_400)

    private struct Present: Sendable {
        var context: NodeContext
        var names: NodeMetrics
        var state: State
    }

    let hosts: Hosts
    private let present: Mutex<Present>
    private let reloader = Mutex<LoopConfined<Reloader>?>(nil)
    private let timers = Mutex<LoopConfined<Loop>?>(nil)

    init(_ context: NodeContext, _ names: NodeMetrics, hosts: Hosts, now: Instant) {
        self.hosts = hosts
        present = Mutex(Present(context: context, names: names, state: State(begun: now)))
    }

    /// The topology that is in force.
    var context: NodeContext { present.withLock { $0.context } }

    /// What the node has kept.
    ///
    /// - Throws: `precondition` when the topology lets it keep nothing.
    func records() throws(Fault) -> RecordStore {
        let context = context
        if let records = context.records { return records }
        let keepers = context.topology.nodes.filter { $0.records != nil }.map(\.name)
        throw Fault(
            .precondition, "node \(context.names.name) keeps no records", source: .client,
            remedy: keepers.isEmpty
                ? "give a regional or cloud node `records: { folder: … }` in the topology"
                : "ask \(keepers.joined(separator: " or ")), or let this node hand on what it "
                    + "hears: `budget: { spool: … }`")
    }

    var names: NodeMetrics { present.withLock { $0.names } }

    /// Takes what makes time pass and what reads the topology again; `nil` when the node ends.
    func set(timers loop: LoopConfined<Loop>?, reloader: LoopConfined<Reloader>?) {
        timers.withLock { $0 = loop }
        self.reloader.withLock { $0 = reloader }
    }

    // MARK: Status

    func status(on loop: Loop, _ completion: @escaping (NodeStatus) -> Void) {
        hosts.gather(on: loop) { host in
            let values = host.metrics.collect(from: host, now: host.shard.time.now)
            return (ShardReport(host.shard), values)
        } then: { [self] (reports: [(ShardReport, MetricValues)]) in
            let known = present.withLock { $0 }
            let answer = StatusAnswer(
                context: known.context, names: known.names, state: known.state, now: loop.time.now)
            completion(answer.status(reports.map { (report: $0.0, values: $0.1) }))
        }
    }

    // MARK: Drain

    /// The process is told to end: from now on nothing undoes the drain.
    func end() { present.withLock { $0.state.isEnding = true } }

    /// Takes no new frames, or takes them again.
    ///
    /// - Parameter who: the identity that asks, for the log.
    /// - Throws: `precondition` when the process ends.
    func drain(
        _ draining: Bool, by who: String, on loop: Loop,
        _ completion: @escaping (DrainReply) -> Void
    ) throws(Fault) {
        let (context, isEnding) = present.withLock { ($0.context, $0.state.isEnding) }
        guard draining || !isEnding else {
            throw Fault(
                .precondition, "node \(context.names.name) is shutting down",
                remedy: "start it again when it has ended")
        }
        hosts.gather(on: loop) { host in
            let changed = host.shard.isDraining != draining
            if changed { draining ? host.shard.drain() : host.shard.undrain() }
            return (changed, host.shard.frameCount)
        } then: { (shards: [(Bool, Int)]) in
            var reply = DrainReply()
            reply.node = context.names.name
            reply.draining = draining
            reply.changed = shards.contains { $0.0 }
            reply.frames = shards.reduce(0) { $0 + $1.1 }
            if reply.changed {
                context.log.notice(
                    draining
                        ? "the node drains: it answers what it has and takes nothing new"
                        : "the node takes frames again", metadata: ["by": "\(who)"])
            }
            completion(reply)
        }
    }

    // MARK: Breakers

    /// Holds a peer's breaker open or closed on all loops, or lets it judge again.
    ///
    /// - Parameter who: the identity that asks, for the log.
    /// - Throws: `notFound` for an unknown peer, `invalid` for an unknown word or too long a time.
    func override(
        _ order: BreakerOverride, by who: String
    ) throws(Fault) -> BreakerOverrideReply {
        let context = context
        let peers = context.blueprint.peers
        guard let peer = peers.firstIndex(where: { $0.plan.name == order.peer && !$0.isRetired })
        else {
            let known = peers.filter { !$0.isRetired }.map(\.plan.name)
            throw Fault(
                .notFound, "node \(context.names.name) calls no node '\(order.peer)'",
                source: .client,
                remedy: known.isEmpty
                    ? "it calls nobody" : "it calls \(known.joined(separator: ", "))")
        }
        let held = try Self.held(order.state)
        guard order.duration <= Self.longestOverride else {
            throw Fault(
                .invalid, "an override for \(Int(order.duration.seconds)) s", source: .client,
                remedy: "give at most \(Int(Self.longestOverride.seconds)) s, or no time at all")
        }
        apply(held, order, to: peer)
        let name = context.names.name
        let time = order.duration > .zero ? "\(Int(order.duration.seconds)) s" : "ever"
        context.log.notice(
            order.state == "auto"
                ? "the breaker of \(order.peer) judges by itself again"
                : "the breaker of \(order.peer) is held \(order.state) for \(time)",
            metadata: ["by": "\(who)", "peer": "\(order.peer)"])
        return BreakerOverrideReply(node: name, peer: order.peer, state: order.state)
    }

    private static func held(_ word: String) throws(Fault) -> Peer.Override? {
        switch word {
        case "open": return .open
        case "closed": return .closed
        case "auto": return nil
        default:
            throw Fault(
                .invalid, "a breaker cannot be '\(word)'", source: .client,
                remedy: "say open, closed or auto")
        }
    }

    private func apply(_ held: Peer.Override?, _ order: BreakerOverride, to peer: Int) {
        let timers = timers.withLock { $0 }
        let number = present.withLock { present in
            present.state.overridesMade += 1
            let number = present.state.overridesMade
            let until =
                order.duration > .zero
                ? MonotonicTime().now + order.duration : nil
            present.state.overrides[peer] =
                held == nil ? nil : Override(word: order.state, until: until, number: number)
            return number
        }
        hosts.each { $0.shard.hear(.peerOverride(peer: peer, held)) }
        guard held != nil, order.duration > .zero else { return }
        timers?.post { [weak self] loop in
            loop.schedule(after: order.duration) { self?.lapse(peer, number) }
        }
    }

    /// The time of an override is over, unless another took its place.
    private func lapse(_ peer: Int, _ number: Int) {
        let isOver = present.withLock { present in
            guard present.state.overrides[peer]?.number == number else { return false }
            present.state.overrides[peer] = nil
            return true
        }
        guard isOver else { return }
        hosts.each { $0.shard.hear(.peerOverride(peer: peer, nil)) }
        let context = context
        context.log.notice(
            "the breaker of \(context.blueprint.peers[peer].plan.name) judges by itself again")
    }

    // MARK: Neighbours

    /// A node has called this one. A loop that took it for dead asks it back at once, so that a
    /// node which comes up makes itself known to those that it calls.
    ///
    /// - Parameter name: as its certificate says.
    func called(by name: String) {
        let peers = context.blueprint.peers
        guard let peer = peers.firstIndex(where: { $0.plan.name == name && !$0.isRetired })
        else { return }
        hosts.each { host in
            guard peer < host.shard.knownPeers.count, !host.shard.knownPeers[peer].isWell
            else { return }
            host.shard.hear(.peerCalled(peer: peer))
        }
    }

    // MARK: Reload

    /// Reads the topology again; a bad one changes nothing.
    ///
    /// - Throws: `precondition` when the node was not started from files.
    func reload(on loop: Loop, _ completion: @escaping (ReloadReply) -> Void) throws(Fault) {
        guard let reloader = reloader.withLock({ $0 }) else {
            throw Fault(.precondition, "this node was not started from a topology file")
        }
        let back = LoopConfined(completion, to: loop.poster)
        reloader.post { reloader in
            reloader.reload { reply in back.post { $0(reply) } }
        }
    }

    /// A new topology is in force.
    func adopt(_ context: NodeContext, _ names: NodeMetrics, _ sinks: [PreparedSink]) {
        present.withLock { present in
            present.context = context
            present.names = names
            present.state.configuration.accepted += 1
            present.state.configuration.refusal = ""
        }
        // Before the loops: a new task's first alert finds its way.
        hosts.desk?.post { $0.adopt(context, sinks) }
        hosts.each { $0.adopt(context, names: names) }
    }

    /// What is on disk is what is in force.
    func confirmed() { present.withLock { $0.state.configuration.refusal = "" } }

    /// What is on disk cannot be used.
    func refused(_ lines: [String]) {
        present.withLock { present in
            present.state.configuration.refused += 1
            present.state.configuration.refusal = lines.joined(separator: "\n")
        }
    }
}
