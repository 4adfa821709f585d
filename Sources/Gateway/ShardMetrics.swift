import Ground
import HTTP
import Inference
import Routing
import Telemetry
import Wire

/// One loop's numbers, confined to it: counting is an addition.
final class ShardMetrics {
    private var names: NodeMetrics
    private let shard = MetricShard()
    private var seen = Totals()
    @exclusivity(unchecked) private var rhythm = Rhythm()

    private let refusals: RefusalLog

    init(_ names: NodeMetrics, _ refusals: RefusalLog) {
        self.names = names
        self.refusals = refusals
    }

    /// Takes the names of a new topology; what was counted stays.
    func adopt(_ names: NodeMetrics) { self.names = names }

    /// What was counted of each task so far.
    func totals(of shard: Shard) -> [TaskTotals] {
        let values = self.shard.snapshot()
        return zip(names.tasks, shard.tasks).map { $0.totals($1.name, values) }
    }

    /// The topology was read again.
    func reloaded(_ outcome: String) {
        if let counter = names.reloads[outcome] { shard.add(counter) }
    }

    /// What servers and pools counted themselves, as of the last collection.
    private struct Totals {
        var server = ServerCounters()
        var peers: [ClientCounters] = []
        var receiptsLost = 0
        var engines: [Int: EngineCounters] = [:]
        var budgetRefused = 0
        var spool = SpoolSeen()
    }

    func answered(
        task: Int, tier: String, accepted: Bool, degraded: DegradedReason?, after: Interval
    ) {
        // A foreign server or a newer node may name a tier that this one does not know.
        for one in names.tasks[task].tiers where one.tier == tier {
            shard.add(accepted ? one.accepted : one.unaccepted)
            shard.insert(one.latency, after)
        }
        if let degraded, let counter = names.tasks[task].degraded[degraded] { shard.add(counter) }
    }

    /// - Parameter after: since the frame's arrival.
    func refused(task: Int, _ refusal: Refusal, _ fault: Fault, after: Interval) {
        if refusal == .overload || refusal == .quota {
            shard.insert(names.tasks[task].refusedAfter, after)
        }
        if let counter = names.tasks[task].refused[refusal] { shard.add(counter) }
        refusals.hear(fault)
    }

    /// A request that did not become a frame.
    func rejected(_ fault: Fault) {
        shard.add(names.rejected[fault.code] ?? names.rejected[.inner]!)
        refusals.hear(fault)
    }

    func refined(task: Int, after: Interval) { shard.insert(names.tasks[task].refined, after) }

    func inferred(task: Int, _ times: InferenceTimes) {
        let task = names.tasks[task]
        shard.insert(task.queued, times.queued)
        shard.insert(task.preprocessed, times.preprocess)
        shard.insert(task.inferred, times.infer)
    }

    /// A worker began with frame `sequence` of a camera.
    func began(task: Int, _ stream: String, _ sequence: Int, at moment: Instant) {
        switch rhythm.step(stream, sequence, at: moment) {
        case .nothing: break
        case .off(let interval): shard.insert(names.tasks[task].unevenness, interval)
        case .disorder: shard.add(names.tasks[task].disorder)
        }
    }

    /// The loop's timer was late.
    func late(by interval: Interval) { shard.insert(names.late, interval) }

    func called(_ call: PeerCall) {
        let peer = names.peers[call.peer]
        if let counter = peer.calls[call.purpose] { shard.add(counter) }
        switch call.reason {
        case .first: break
        case .retry: shard.add(peer.retries)
        case .hedge: shard.add(peer.hedges)
        }
        if call.isSpill { shard.add(peer.spills) }
    }

    func owed(task: Int) { shard.add(names.tasks[task].owed) }

    func alerted(task: Int) { shard.add(names.tasks[task].alerts) }

    /// Counts a change of state.
    func noted(_ change: Change) {
        switch change {
        case .shed(let task, let workClass):
            if let counter = names.tasks[task].shed[workClass] { shard.add(counter) }
        case .breaker(let peer, .open): shard.add(names.peers[peer].opened)
        case .ejected(let peer, true): shard.add(names.peers[peer].ejected)
        case .breaker, .ejected, .well, .panic: break
        }
    }

    func audited(task: Int, agreed: Bool) {
        shard.add(agreed ? names.tasks[task].agreed : names.tasks[task].disagreed)
    }

    /// Takes in what servers and pools have counted since the last time, and gives all numbers.
    func collect(from host: ShardHost, now: Instant) -> MetricValues {
        let (servers, peers) = host.counters
        var server = ServerCounters()
        for one in servers {
            server.accepted += one.accepted
            server.turnedAway += one.turnedAway
            server.handshakes += one.handshakes
            server.calls += one.calls
            server.bytesIn += one.bytesIn
            server.bytesOut += one.bytesOut
            server.pauses += one.pauses
        }
        let old = seen.server
        grow(names.accepted, from: old.accepted, to: server.accepted)
        grow(names.turnedAway, from: old.turnedAway, to: server.turnedAway)
        grow(names.handshakes, from: old.handshakes, to: server.handshakes)
        grow(names.calls, from: old.calls, to: server.calls)
        grow(names.bytesIn, from: old.bytesIn, to: server.bytesIn)
        grow(names.bytesOut, from: old.bytesOut, to: server.bytesOut)
        grow(names.pauses, from: old.pauses, to: server.pauses)
        for (index, counters) in peers.enumerated() {
            collect(counters, of: index)
            let breaker = host.shard.knownPeers[index].breaker
            shard.set(names.peers[index].isOpen, breaker.state(now: now) == .closed ? 0 : 1)
            shard.set(names.peers[index].isLeftOut, host.shard.isEjected(peer: index) ? 1 : 0)
            let isSilent = !host.shard.knownPeers[index].isWell
            shard.set(names.peers[index].isSilent, isSilent ? 1 : 0)
            let isDraining = host.shard.knownPeers[index].isDraining
            shard.set(names.peers[index].isDraining, isDraining ? 1 : 0)
        }
        seen.server = server
        seen.peers = peers
        shard.set(names.frames, Double(host.shard.frameCount))
        shard.set(names.places, Double(host.shard.admission.limit.places))
        shard.set(names.draining, host.shard.isDraining ? 1 : 0)
        for (gauge, workClass) in zip(names.held, WorkClass.allCases) {
            shard.set(gauge, Double(host.shard.admission.held(by: workClass)))
        }
        return shard.snapshot()
    }

    /// Numbers of the whole node, which one shard states for all.
    func setNode(
        budget: ByteBudget, resident: Int, receiptsLost: Int, certificateExpiry: WallTime?
    ) {
        let expiry = certificateExpiry.map { Double($0.nanoseconds / 1_000_000_000) }
        shard.set(names.certificateExpiry, expiry ?? 0)
        grow(names.receiptsLost, from: seen.receiptsLost, to: receiptsLost)
        seen.receiptsLost = receiptsLost
        let refused = budget.refused
        grow(names.budgetRefused, from: seen.budgetRefused, to: refused)
        seen.budgetRefused = refused
        shard.set(names.budgetUsed, Double(budget.used))
        shard.set(names.resident, Double(resident))
    }

    func set(_ spool: SpoolLink) {
        guard let names = names.spool else { return }
        let numbers = spool.numbers
        for (queue, series) in names.queues {
            guard let depth = numbers.depths.first(where: { $0.queue == queue }) else { continue }
            shard.set(series.records, Double(depth.records))
            shard.set(series.bytes, Double(depth.bytes))
            // A spool remembers what it dropped before the node began.
            let old = seen.spool.dropped[queue] ?? 0
            grow(series.dropped, from: Int(clamping: old), to: Int(clamping: depth.dropped))
            seen.spool.dropped[queue] = depth.dropped
        }
        let (old, new) = (seen.spool.uploads, numbers.uploads)
        grow(names.batches, from: old.batches, to: new.batches)
        grow(names.records, from: old.records, to: new.records)
        grow(names.failures, from: old.failures, to: new.failures)
        grow(names.sentBytes, from: old.sentBytes, to: new.sentBytes)
        grow(names.settled, from: old.settled, to: new.settled)
        seen.spool.uploads = new
        let refused = spool.refused
        grow(names.refused, from: seen.spool.refused, to: refused)
        seen.spool.refused = refused
        shard.set(names.away, numbers.awaySince == nil ? 0 : 1)
    }

    func set(engine task: Int, _ counters: EngineCounters, isUp: Bool) {
        guard let names = names.tasks[task].engine else { return }
        let old = seen.engines[task] ?? EngineCounters()
        shard.set(names.isUp, isUp ? 1 : 0)
        shard.set(names.workers, Double(counters.workers))
        grow(names.restarts, from: old.restarts, to: counters.restarts)
        grow(names.copiedBytes, from: old.copiedBytes, to: counters.copiedBytes)
        seen.engines[task] = counters
    }

    private func collect(_ counters: ClientCounters, of index: Int) {
        var old = index < seen.peers.count ? seen.peers[index] : ClientCounters()
        // A peer that has moved has a pool that begins anew.
        if counters.calls < old.calls || counters.bytesOut < old.bytesOut { old = ClientCounters() }
        let peer = names.peers[index]
        grow(peer.bytesIn, from: old.bytesIn, to: counters.bytesIn)
        grow(peer.bytesOut, from: old.bytesOut, to: counters.bytesOut)
        grow(peer.connections, from: old.connectionsOpened, to: counters.connectionsOpened)
        grow(peer.failures, from: old.connectFailures, to: counters.connectFailures)
        grow(peer.handshakes, from: old.handshakes, to: counters.handshakes)
    }

    private func grow(_ counter: Counter, from old: Int, to new: Int) {
        if new > old { shard.add(counter, UInt64(new - old)) }
    }
}
