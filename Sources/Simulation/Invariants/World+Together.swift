import Ground
import Node
import Routing
import Topology

/// What the watch keeps of a host's shards together.
struct HostWatch {
    /// One task's escalations since the node began.
    struct Budget {
        var seen = 0
        var frames = 0
        var bytes = 0
        var largest = 0
    }

    /// By peer: when its breaker opened last, in the world's time.
    var openedAt: [UInt64] = []
    /// By source: when it last had as many frames under way as it may.
    var fullAt: [Int: UInt64] = [:]
    var budgets: [Budget] = []
    /// When the node began, on its clock.
    var began = Instant(nanoseconds: 0)

    init() {}

    init(peers: Int, tasks: Int, now: Instant) {
        openedAt = [UInt64](repeating: 0, count: peers)
        budgets = [Budget](repeating: Budget(), count: tasks)
        began = now
    }
}

/// What must hold of all shards of a node together.
extension World {
    /// A question to the owner and all others and back, with some frames that end meanwhile.
    private static let longestRound = UInt64(longestPost) * 6

    /// A shard has heard an event.
    mutating func watchTogether(_ event: Event, _ shard: Int) {
        switch event {
        case .arrived(_, let arrival): checkLimit(of: arrival.source, shard)
        case .told(_, .granted(let source, _, _)): checkLimit(of: source, shard)
        case .told(_, .returned(let source, _, _)): checkLimit(of: source, shard)
        case .frame(let id, let event):
            guard let place = shards[shard].place(id) else { return }
            let frame = shards[shard].frames[place]
            noteFull(Int(frame.source), shard)
            if case .inferred = event {
                hosts[shards[shard].host].watch.budgets[Int(frame.task)].seen += 1
            }
        default: break
        }
    }

    @inline(__always)
    private func underWay(_ source: Int, _ host: Int) -> Int {
        hosts[host].shards.reduce(0) { $0 + shards[$1].node.frames(of: source) }
    }

    private mutating func checkLimit(of source: Int, _ shard: Int) {
        let host = shards[shard].host
        guard source > 0, let limit = hosts[host].blueprint?.node.routing.admission.leafFrames
        else { return }
        let count = underWay(source, host)
        if count >= limit { hosts[host].watch.fullAt[source] = now }
        guard count > limit else { return }
        fail(.limitKept, shard, "\(count) frames of source \(source), of which \(limit) may be")
    }

    /// Before a frame of the source ends, here: until now it may have been full.
    private mutating func noteFull(_ source: Int, _ shard: Int) {
        let host = shards[shard].host
        guard source > 0, shards[shard].number.count > 1,
            let limit = hosts[host].blueprint?.node.routing.admission.leafFrames
        else { return }
        // The event was heard: what it ended is gone already.
        if underWay(source, host) + 1 >= limit { hosts[host].watch.fullAt[source] = now }
    }

    /// A frame was refused since its source has as many as it may: it had, a moment ago.
    mutating func checkQuota(_ shard: Int, _ frame: SimulatedFrame) {
        let source = Int(frame.source)
        guard source > 0, shards[shard].number.count > 1 else { return }
        let host = shards[shard].host
        let limit = hosts[host].blueprint?.node.routing.admission.leafFrames ?? 0
        guard underWay(source, host) < limit else { return }
        let fullAt = hosts[host].watch.fullAt[source]
        if let fullAt, now - fullAt <= Self.longestRound { return }
        fail(
            .limitUsed, shard,
            "source \(source) has \(underWay(source, host)) frames under way, of \(limit)",
            frame: frame.serial)
    }

    /// A call that a shard makes.
    mutating func checkTogether(_ order: PeerCall, of frame: SimulatedFrame, _ shard: Int) {
        let host = shards[shard].host
        guard shards[shard].number.count > 1 else { return }
        if order.purpose == .escalation, order.reason == .first {
            checkBudget(Int(frame.task), bytes: loads[Int(frame.load)].bytes, shard)
        }
        let owner = hosts[host].shards.lowerBound
        let breaker = shards[owner].node.peers[order.peer].breaker
        let passed = now - hosts[host].watch.openedAt[order.peer]
        guard passed > UInt64(Self.longestPost) else { return }
        switch breaker.state(now: clock(of: host)) {
        case .closed: break
        case .open:
            fail(
                .verdictSpreads, shard, "a call \(passed / 1000) µs after the breaker opened",
                frame: frame.serial, peer: order.peer)
        case .halfOpen: checkTrials(order, shard, since: passed)
        }
    }

    private mutating func checkTrials(_ order: PeerCall, _ shard: Int, since passed: UInt64) {
        let host = shards[shard].host
        let local = clock(of: host)
        let late = calls.list.count { call in
            call.isOpen && shards[call.shard].host == host && call.peer == order.peer
                && (local - call.madeAt).nanoseconds + Int64(Self.longestPost) < Int64(passed)
        }
        guard late > 0 else { return }
        fail(
            .oneTrial, shard, "\(late) other calls are under way since the breaker opened",
            peer: order.peer)
    }

    private mutating func checkBudget(_ task: Int, bytes: Int, _ shard: Int) {
        let host = shards[shard].host
        hosts[host].watch.budgets[task].frames += 1
        hosts[host].watch.budgets[task].bytes += bytes
        let largest = max(hosts[host].watch.budgets[task].largest, bytes)
        hosts[host].watch.budgets[task].largest = largest
        let watch = hosts[host].watch.budgets[task]
        let limits = shards[shard].node.courses[task].budget.limits
        let earned = limits.share * Double(watch.seen) + Double(limits.burstFrames)
        if Double(watch.frames) > earned {
            fail(
                .budgetKept, shard,
                "\(watch.frames) of \(watch.seen) frames escalated, of which \(earned) may")
        }
        guard let rate = limits.bandwidth else { return }
        let passed = (clock(of: host) - hosts[host].watch.began).seconds
        let most = Double(rate) * passed + Double(limits.burstBytes + largest)
        if Double(watch.bytes) > most {
            fail(.budgetKept, shard, "\(watch.bytes) bytes escalated, of which \(most) may")
        }
    }
}
