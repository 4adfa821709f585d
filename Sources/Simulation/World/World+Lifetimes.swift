import Ground
import Node
import Routing
import Topology

extension World {
    /// How long a restarted node stays away when the scenario does not say.
    private static let restartTime: UInt64 = 5_000_000_000
    /// How often a draining node looks whether it has frames left.
    private static let drainLook: UInt64 = 50_000_000

    /// Starts a host: its shards know nothing yet. Models load when `cold`, and are there at once
    /// otherwise.
    mutating func start(_ index: Int, cold: Bool) throws(Fault) {
        hosts[index].state = .up
        guard let blueprint = hosts[index].blueprint else { return }
        let count = hosts[index].loops
        if hosts[index].shards.isEmpty {
            hosts[index].shards = shards.count..<(shards.count + count)
        }
        hosts[index].watch = HostWatch(
            peers: blueprint.peers.count, tasks: blueprint.tasks.count, now: clock(of: index))
        for (number, place) in hosts[index].shards.enumerated() {
            let shard = try makeShard(index, blueprint, ShardPlace(number, of: count))
            if place < shards.count {
                shards[place] = shard
                dozes[place] = 0
            } else {
                shards.append(shard)
                dozes.append(0)
            }
            // As the gateway does it: each loop hears of all workers.
            hear(place, .workers(hosts[index].engine.workers))
            limitSources(place, blueprint)
            startTicking(place)
        }
        startSpool(index, blueprint)
        if cold {
            let ready = now + hosts[index].engine.load
            schedule(.modelLoaded, at: ready, index, hosts[index].engine.epoch)
        } else {
            modelsLoaded(index, epoch: hosts[index].engine.epoch)
        }
    }

    private func makeShard(
        _ host: Int, _ blueprint: Blueprint, _ place: ShardPlace
    ) throws(Fault) -> Shard {
        let stream = (host << 8 | place.number) << 16 | Int(hosts[host].starts & 0xFFFF)
        let seed = Randomness.seed(seed, Stream.node, stream)
        var surroundings = try blueprint.surroundings(place, seed: seed, now: clock(of: host))
        if let amend = settings.planted.amend {
            var policy = surroundings.policy
            amend(&policy)
            surroundings = Surroundings(
                courses: surroundings.courses, peers: surroundings.peers, policy: policy,
                place: place, randomness: Randomness(seed: seed), now: clock(of: host))
        }
        let peers = blueprint.peers.count
        let header = EventLog.Header(
            node: hosts[host].name, place: place, seed: seed, start: clock(of: host))
        return Shard(
            host: host, number: place, node: Node(surroundings),
            lastLetter: [UInt64](repeating: 0, count: place.count),
            log: settings.keepsLogs ? EventLog(header) : nil,
            watch: ShardWatch(peers: peers, blueprint.node.routing, hosts[host].tier, place),
            probed: [UInt32](repeating: 0, count: peers))
    }

    /// Every node that asks this one is a source of its own.
    private mutating func limitSources(_ shard: Int, _ blueprint: Blueprint) {
        let host = shards[shard].host
        guard let limit = blueprint.node.routing.admission.leafFrames, hosts[host].callers > 0
        else { return }
        for source in 1...hosts[host].callers {
            hear(shard, .sourceLimit(source: source, limit))
        }
    }

    mutating func modelsLoaded(_ host: Int, epoch: UInt32) {
        guard hosts[host].engine.epoch == epoch, hosts[host].state != .down,
            let blueprint = hosts[host].blueprint
        else { return }
        hosts[host].engine.isDown = false
        hosts[host].readyAt = now
        for shard in hosts[host].shards {
            for (task, plan) in blueprint.tasks.enumerated() {
                guard plan.tier != nil else { continue }
                hear(shard, .modelReady(task: task, bar: hosts[host].tasks[task].bar))
            }
        }
    }

    mutating func hostStarts(_ host: Int, starts: UInt32) {
        guard hosts[host].starts == starts, hosts[host].state == .down else { return }
        // The numbers were good enough for the first start.
        try? start(host, cold: true)
    }

    // MARK: Ends

    /// Lets a host take nothing new, finish what it has, and end.
    mutating func drain(_ host: Int, away: Interval?) {
        guard hosts[host].state == .up else { return }
        hosts[host].state = .draining
        let limit = now + hosts[host].drainLimit
        let away = away.map { UInt64($0.nanoseconds) } ?? Self.restartTime
        hosts[host].drain = (limit, away)
        for shard in hosts[host].shards { hear(shard, .draining) }
        schedule(.drainEnds, at: now, host, hosts[host].starts)
    }

    mutating func drainEnds(_ host: Int, starts: UInt32) {
        guard hosts[host].starts == starts, let drain = hosts[host].drain else { return }
        let left = hosts[host].shards.reduce(0) { $0 + shards[$1].node.frames }
        guard left == 0 || now >= drain.limit else {
            return schedule(.drainEnds, at: now + Self.drainLook, host, starts)
        }
        hosts[host].drain = nil
        endDesk(host, isDrained: true)
        kill(host)
        schedule(.hostStarts, at: now + drain.away, host, hosts[host].starts)
    }

    /// Ends a host at once, with all that it has.
    mutating func kill(_ host: Int) {
        guard hosts[host].state != .down else { return }
        hosts[host].state = .down
        hosts[host].drain = nil
        hosts[host].readyAt = .max
        endDesk(host, isDrained: false)
        _ = hosts[host].engine.reset()
        hosts[host].engine.isWedged = false
        let range = hosts[host].shards
        closeCalls(of: host, range)
        for link in links.indices where links[link].from == host || links[link].to == host {
            links[link].disconnect()
        }
        for shard in range {
            for frame in shards[shard].frames where frame.isThere { lose(frame, at: host) }
            shards[shard].frames.removeAll()
            dozes[shard] = 0
        }
        hosts[host].starts += 1
    }

    private mutating func lose(_ frame: SimulatedFrame, at host: Int) {
        guard case .camera = frame.origin, !frame.final else { return }
        tally.lost(site: hosts[host].site, task: loads[Int(frame.load)].task, now: now)
    }

    /// Connections to and from a host that is gone are reset.
    private mutating func closeCalls(of host: Int, _ range: Range<Int>) {
        for index in calls.list.indices where calls.list[index].isOpen {
            let call = calls.list[index]
            let id = CallID(index: UInt32(index), generation: call.generation)
            if range.contains(call.shard) {
                tellPeer(call)
                calls.close(id.index)
            } else if hosts[shards[call.shard].host].peers[call.peer].host == host,
                call.there != nil || hosts[host].blueprint == nil, call.answer == nil
            {
                giveBack(id, .failure(.unreachable))
            }
        }
    }
}
