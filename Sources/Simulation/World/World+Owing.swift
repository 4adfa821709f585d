import Ground
import Node
import Routing
import Topology

/// What nodes owe, and how it is settled: on disks that forget nothing and links that do.
extension World {
    /// From a frame's effect to its place on the disk: a group commit and a write.
    private static let commitTime: UInt64 = 4_000_000
    /// How often a spool looks whether it can send.
    private static let sendEvery: UInt64 = 2_000_000_000

    /// The spool of a host that has begun: the one from before, since it lies on disk.
    mutating func startSpool(_ host: Int, _ blueprint: Blueprint) {
        guard let hub = blueprint.hub,
            let peer = hosts[host].peers.firstIndex(where: { hosts[$0.host].name == hub.name })
        else { return }
        if let plan = settings.disks {
            if let certificate = plan.certificate { giveCertificate(host, certificate) }
            return startDesk(host, blueprint, peer: peer, plan)
        }
        if hosts[host].spool == nil { hosts[host].spool = VirtualSpool(hub: peer) }
        schedule(.spoolSends, at: now + Self.sendEvery, host, hosts[host].starts)
    }

    mutating func owe(_ shard: Int, _ place: Int) {
        let host = shards[shard].host
        let id = shards[shard].frames[place].id
        shards[shard].frames[place].isOwed = true
        if let desk = hosts[host].desk {
            tally.owed += 1
            return owe(desk, shard, place)
        }
        if hosts[host].spool == nil {
            fail(.nothingOwedIsLost, shard, "a frame is owed where nothing is kept")
        }
        tally.owed += 1
        schedule(
            .spoolCommits, at: now + Self.commitTime, shard, id.slot, id.generation,
            hosts[host].starts)
    }

    mutating func spoolCommits(_ shard: Int, _ id: FrameID, incarnation: UInt32) {
        let host = shards[shard].host
        guard hosts[host].starts == incarnation else { return }
        occurrences += 1
        hosts[host].spool?.keep()
        guard shards[shard].place(id) != nil else { return }
        hear(shard, .frame(id, .kept(true)))
    }

    /// Sends a batch; until the hub's word comes the same goes out again.
    mutating func spoolSends(_ host: Int, starts: UInt32) {
        guard hosts[host].starts == starts, hosts[host].state != .down,
            let spool = hosts[host].spool
        else { return }
        schedule(.spoolSends, at: now + Self.sendEvery, host, starts)
        guard let due = spool.due else { return }
        occurrences += 1
        let link = hosts[host].peers[spool.hub].link
        guard let arrival = links[link].send(Self.requestBytes * due.count, up: true, now: now)
        else { return }
        schedule(
            .batchArrives, at: arrival, host, UInt32(due.lowerBound), UInt32(due.upperBound))
    }

    mutating func batchArrives(_ host: Int, _ batch: ClosedRange<UInt64>) {
        guard let spool = hosts[host].spool else { return }
        let (hub, link) = hosts[host].peers[spool.hub]
        guard hosts[hub].state == .up else { return }
        occurrences += 1
        hosts[host].spool?.take(batch, again: settings.planted.countsAgain)
        let watermark = hosts[host].spool?.watermark ?? 0
        guard let arrival = links[link].send(Self.answerBytes, up: false, now: now) else { return }
        schedule(.batchReturns, at: arrival, host, UInt32(watermark))
    }

    mutating func batchReturns(_ host: Int, _ watermark: UInt64) {
        occurrences += 1
        hosts[host].spool?.settle(through: watermark)
    }

    // MARK: What is checked

    mutating func record(_ shard: Int, _ place: Int) {
        tally.records += 1
        shards[shard].frames[place].records += 1
        let (host, frame) = (shards[shard].host, shards[shard].frames[place])
        guard let desk = hosts[host].desk else { return }
        append(desk, host, .result, frame.serial, load: frame.load, OwedItem.bytes(of: .result))
    }

    /// A frame is forgotten: it was recorded once if it was answered where it entered.
    mutating func checkRecord(_ shard: Int, _ frame: SimulatedFrame) {
        let host = shards[shard].host
        guard case .camera = frame.origin, hosts[host].keeps else {
            if frame.records > 0 {
                fail(
                    .recordedOnce, shard, "a frame of another node's is recorded",
                    frame: frame.serial)
            }
            return
        }
        let due = frame.answered ? 1 : 0
        guard frame.records != due else { return }
        fail(
            .recordedOnce, shard, "\(frame.records) records, expected \(due)",
            frame: frame.serial)
    }

    mutating func checkSpools() {
        for host in hosts.indices {
            guard let words = hosts[host].spool?.fault else { continue }
            fail(.nothingOwedIsLost, hosts[host].shards.lowerBound, words)
        }
    }
}
