import Ground
import Node
import Routing
import Spool
import Topology

/// What nodes owe where their spools lie on virtual disks: the spool itself, and the decisions of
/// the gateway's uploads (`Uploading`, `GroupCommit`), hosted in virtual time.
extension World {
    /// How often a node writes down what is no frame: a sketch, and an audit entry each hour.
    private static let noteEvery: UInt64 = 600_000_000_000

    /// Opens the spool of a host that begins, as it lies on its disk.
    mutating func startDesk(_ host: Int, _ blueprint: Blueprint, peer: Int, _ plan: DiskPlan) {
        if hosts[host].desk == nil {
            let quota = blueprint.node.budget.spool ?? 0
            hosts[host].desk = OwingDesk(
                blueprint.node.spool, peer: peer,
                quota: settings.planted.owing == .noQuota ? 4 * quota : quota,
                isSealed: plan.isSealed, seed: Randomness.seed(seed, Stream.disk, host),
                now: clock(of: host))
        }
        guard let desk = hosts[host].desk else { return }
        let epoch = desk.epoch
        do throws(Fault) {
            try desk.open(now: clock(of: host))
        } catch {
            return fail(.nothingOwedIsLost, hosts[host].shards.lowerBound, "not opened: \(error)")
        }
        desk.epoch = desk.spool?.epoch
        if let epoch, desk.epoch != epoch {
            fail(.nothingOwedIsLost, hosts[host].shards.lowerBound, "the spool is another one")
        }
        schedule(.deskNotes, at: now + Self.noteEvery, host, 0, 0, hosts[host].starts)
        go(host)
    }

    // MARK: Writing

    /// Hands a frame to the desk, and lets it hear when it is safe there.
    mutating func owe(_ desk: OwingDesk, _ shard: Int, _ place: Int) {
        let frame = shards[shard].frames[place]
        let sequence = append(
            desk, shards[shard].host, .escalation, frame.serial, load: frame.load,
            OwedItem.bytes(of: .escalation) + loads[Int(frame.load)].bytes)
        desk.waiting.append(
            OwingDesk.Waiter(shard: shard, id: frame.id, sequence: sequence))
        // What was not taken is said with the next commit.
        if sequence == nil { commitSoon(desk, shards[shard].host) }
    }

    /// Writes a record down; its number, or `nil` when the disk does not take it.
    @discardableResult
    mutating func append(
        _ desk: OwingDesk, _ host: Int, _ queue: SpoolQueue, _ serial: UInt64, load: Int32,
        _ bytes: Int
    ) -> UInt64? {
        guard let spool = desk.spool else { return nil }
        desk.lastClock = LogicalClock.next(after: desk.lastClock, hosts[host].clock.wall(now))
        let item = OwedItem(serial: serial, clock: desk.lastClock, load: load)
        let record = Bytes(item.bytes(bytes))
        var sequence: UInt64?
        do throws(Fault) {
            let number = try spool.append(queue, [record])
            desk.accounts.appended(queue, number, serial, bytes)
            sequence = number
        } catch {
            tally.unkept += 1
        }
        checkRoom(desk, host)
        let due = desk.rhythm.appended(queue, pending: spool.pending, now: clock(of: host))
        if let due { scheduleCommit(host, at: due) }
        return sequence
    }

    private mutating func scheduleCommit(_ host: Int, at due: Instant) {
        let moment = hosts[host].clock.world(of: due, now: now)
        schedule(.deskCommits, at: moment, host, 0, 0, hosts[host].starts)
    }

    private mutating func commitSoon(_ desk: OwingDesk, _ host: Int) {
        let pending = desk.spool?.pending ?? 0
        let due = desk.rhythm.appended(.escalation, pending: pending, now: clock(of: host))
        if let due { scheduleCommit(host, at: due) }
    }

    /// Makes durable what was appended, and says so.
    mutating func deskCommits(_ host: Int, starts: UInt32) {
        guard hosts[host].starts == starts, let desk = hosts[host].desk, desk.spool != nil,
            desk.rhythm.due != .distantFuture
        else { return }
        // The clock was set meanwhile.
        guard desk.rhythm.due <= clock(of: host) else {
            return scheduleCommit(host, at: desk.rhythm.due)
        }
        occurrences += 1
        let isKept = commit(desk, host)
        let waiting = desk.waiting
        desk.waiting.removeAll(keepingCapacity: true)
        for one in waiting {
            let isSafe = isKept && one.sequence != nil
            if isSafe, let sequence = one.sequence { desk.promised.insert(sequence) }
            guard shards[one.shard].place(one.id) != nil else { continue }
            hear(one.shard, .frame(one.id, .kept(isSafe)))
        }
        guard !desk.isTimed, let pause = desk.uploading.gathering else { return }
        go(host, after: pause)
    }

    /// Whether the disk has taken what was appended.
    @discardableResult
    private mutating func commit(_ desk: OwingDesk, _ host: Int) -> Bool {
        desk.rhythm.committed()
        var isKept = true
        do throws(Fault) {
            try desk.spool?.commit()
            desk.accounts.committed()
        } catch {
            isKept = false
        }
        checkRoom(desk, host)
        return isKept
    }

    /// What is no frame: a sketch every ten minutes, and an entry of the audit log each hour.
    mutating func deskNotes(_ host: Int, starts: UInt32) {
        guard hosts[host].starts == starts, let desk = hosts[host].desk, desk.spool != nil,
            !isEnding
        else { return }
        occurrences += 1
        schedule(.deskNotes, at: now + Self.noteEvery, host, 0, 0, starts)
        if let plan = settings.disks { crowd(desk, plan) }
        watchCertificate(host, desk)
        desk.notes += 1
        let sketch = OwedItem.bytes(of: .telemetry)
        append(desk, host, .telemetry, desk.notes, load: 0, sketch)
        guard desk.notes.isMultiple(of: 6) else { return }
        append(desk, host, .audit, desk.notes, load: 0, OwedItem.bytes(of: .audit))
    }

    /// Others fill the disk, or have left it again.
    private func crowd(_ desk: OwingDesk, _ plan: DiskPlan) {
        guard let crowd = plan.crowd else { return }
        let isFull = now >= crowd.from && now < crowd.until
        desk.disk.troubles.capacity = isFull ? desk.disk.used + crowd.room : .max
    }

    // MARK: Ends

    /// A host ends: at once with what was not on disk, or in order.
    mutating func endDesk(_ host: Int, isDrained: Bool) {
        guard let desk = hosts[host].desk, desk.spool != nil else { return }
        if isDrained { commit(desk, host) }
        let isPowerCut = !isDrained && hosts[host].starts.isMultiple(of: 2)
        desk.end(isPowerCut ? .powerCut : .killed)
    }
}
