import Ground
import Node
import Spool
import Topology

/// What must hold where spools lie on disks.
extension World {
    /// How long a node has, once its link is back and its cameras are silent, to send all it owes.
    private static let drainTime: UInt64 = 3_600_000_000_000

    /// A spool never has more of its disk than its quota, and of memory no more than waits for one
    /// commit.
    mutating func checkRoom(_ desk: OwingDesk, _ host: Int) {
        guard let spool = desk.spool else { return }
        let used = desk.disk.used
        desk.mostHeld = max(desk.mostHeld, used)
        let quota = hosts[host].blueprint?.node.budget.spool ?? 0
        let shard = hosts[host].shards.lowerBound
        if used > quota || spool.held > quota {
            fail(.quotaKept, shard, "\(used) bytes on disk, at most \(quota) may be")
        }
        let most = desk.settings.pendingBytes + desk.settings.recordBytes
        if desk.accounts.pendingBytes > most {
            fail(.quotaKept, shard, "\(desk.accounts.pendingBytes) bytes wait, at most \(most)")
        }
        for queue in SpoolQueue.allCases {
            let first = spool.depths[Int(queue.rawValue)].first
            guard first > desk.ledger.watermark(queue) + 1 else { continue }
            fail(
                .nothingOwedIsLost, shard,
                "\(queue) is settled before \(first), and the hub has it up to"
                    + " \(desk.ledger.watermark(queue))")
        }
    }

    /// A camera's frame had no answer from a node that has its model.
    mutating func checkAlone(_ host: Int, since: UInt64, _ words: String, frame: UInt64) {
        guard hosts[host].desk != nil, since > hosts[host].readyAt else { return }
        fail(.answersAlone, hosts[host].shards.lowerBound, words, frame: frame)
    }

    /// Lets what is owed go up, and balances the books.
    mutating func drainDesks() {
        guard hosts.contains(where: { $0.desk != nil }) else { return }
        run(until: now + Self.drainTime)
        for host in hosts.indices where !isBroken {
            guard let desk = hosts[host].desk, let spool = desk.spool else { continue }
            for depth in spool.depths { balance(host, desk, depth) }
            let shard = hosts[host].shards.lowerBound
            if !desk.promised.isEmpty {
                fail(.countedOnce, shard, "\(desk.promised.count) receipts have no answer")
            }
            if hosts[host].certificate?.isWarned ?? false, !isExpired(host) {
                fail(.expiryIsSaid, shard, "the certificate is renewed, and the alert stands")
            }
        }
    }

    private mutating func balance(_ host: Int, _ desk: OwingDesk, _ depth: SpoolDepth) {
        let shard = hosts[host].shards.lowerBound
        let (queue, last) = (depth.queue, depth.next - 1)
        guard depth.first == depth.next else {
            return fail(
                .drains, shard, "\(queue): \(depth.records) records still wait on the node's disk")
        }
        guard desk.ledger.watermark(queue) == last else {
            return fail(
                .countedOnce, shard,
                "\(queue): the hub has \(desk.ledger.watermark(queue)), the node \(last)")
        }
        if let missing = desk.accounts.missing(queue, through: last) {
            return fail(
                .nothingOwedIsLost, shard, "\(queue) \(missing) has neither record nor gap")
        }
        let books = desk.accounts[queue]
        guard books.acknowledged == books.counted + books.gapped else {
            return fail(
                .countedOnce, shard,
                "\(queue): \(books.acknowledged) were acknowledged, the hub counts"
                    + " \(books.counted), and gaps stand for \(books.gapped)")
        }
    }
}
