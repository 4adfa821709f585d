import Ground
import Node
import Routing

extension World {
    // MARK: Ticks

    /// Lets a shard feel the time that passes, each at a phase of its own.
    mutating func tick(_ shard: Int, _ incarnation: UInt32) {
        // Nothing of the shard is touched when its node would do nothing: most ticks of a large
        // fleet are of this kind, and each would wait for memory.
        guard now >= dozes[shard] else {
            scheduleTick(shard, incarnation)
            trace.put(now)
            trace.put(UInt64(shard))
            return trace.add(Event.tick)
        }
        let host = shards[shard].host
        guard hosts[host].starts == incarnation, hosts[host].state != .down else { return }
        scheduleTick(shard, incarnation)
        hear(shard, .tick)
        guard settings.dozes, !settings.keepsLogs else { return }
        let moment = hosts[host].clock.world(of: shards[shard].node.idleUntil, now: now)
        // A microsecond less: a clock's own time is rounded.
        dozes[shard] = moment > now + 1_000 ? moment - 1_000 : 0
    }

    private mutating func scheduleTick(_ shard: Int, _ incarnation: UInt32) {
        occurrences += 1
        agenda.addTick(at: now + UInt64(Node.tick.nanoseconds), shard, incarnation)
    }

    /// A shard has heard something else than a tick: whether its next ones may do something.
    @inline(__always)
    mutating func wake(_ shard: Int, by event: Event) {
        switch event {
        case .tick: break
        case .arrived, .frame:
            // Frames that call nobody leave probes, breakers and outliers as they are.
            if effects.list.contains(where: \.isCall) { dozes[shard] = 0 }
        default: dozes[shard] = 0
        }
    }

    /// Phases follow the shards' order, which is that of memory: 10,000 shards tick 40,000 times a
    /// second, and every other order would wait for memory each time.
    mutating func startTicking(_ shard: Int) {
        let tick = UInt64(Node.tick.nanoseconds)
        let phase = UInt64(shard) * tick / UInt64(hosts.count) % tick
        schedule(.tick, at: now + phase, shard, hosts[shards[shard].host].starts)
    }

    // MARK: Probes

    mutating func probe(_ shard: Int, _ peer: Int, _ number: UInt32, _ deadline: Instant) {
        let host = shards[shard].host
        let link = hosts[host].peers[peer].link
        if let arrival = links[link].send(Self.probeBytes.up, up: true, now: now) {
            schedule(.probeArrives, at: arrival, shard, UInt32(peer), number, hosts[host].starts)
        }
        let due = hosts[host].clock.world(of: deadline, now: now)
        schedule(.probeExpires, at: due, shard, UInt32(peer), number, hosts[host].starts)
    }

    mutating func probeArrives(_ shard: Int, _ peer: Int, _ number: UInt32, _ starts: UInt32) {
        occurrences += 1
        let link = hosts[shards[shard].host].peers[peer].link
        guard let arrival = links[link].send(Self.probeBytes.down, up: false, now: now) else {
            return
        }
        let isUp = hosts[links[link].to].state != .down && !isExpired(shards[shard].host)
        schedule(
            isUp ? .probeReturns : .probeFails, at: arrival, shard, UInt32(peer), number, starts)
    }

    mutating func probeEnds(
        _ shard: Int, _ peer: Int, _ number: UInt32, _ starts: UInt32, isWell: Bool
    ) {
        guard hosts[shards[shard].host].starts == starts, shards[shard].probed[peer] != number
        else { return }
        occurrences += 1
        shards[shard].probed[peer] = number
        if !isWell { shards[shard].failedAt = now }
        hear(shard, .probed(peer: peer, number: number, isWell: isWell))
    }
}
