import Cryptography
import Ground
import Spool

/// A spool on a virtual disk, through crashes and all that a disk may do, and what must hold then:
/// nothing acknowledged is lost without a gap, nothing is given that is not as it was appended, no
/// number is given twice, nothing is told as lost that is not, and a disk that is well again is
/// written to again.
public struct SpoolTrial {
    /// Bugs that somebody could write; each must be found.
    public enum Planted: String, CaseIterable, Sendable {
        case noSync = "no-sync"
        case noFolderSync = "no-folder-sync"
        case noChecksum = "no-checksum"
        case unlinkFirst = "unlink-first"
    }

    public let seed: UInt64
    /// What broke, or `nil`.
    public private(set) var violation: String?
    /// What was done, in order.
    public private(set) var story: [String] = []
    public private(set) var crashes = 0
    public var acknowledged: Int { model.acknowledged }
    /// Acknowledged records that a gap stands for.
    public var lost: UInt64 { model.lost }

    private static let folder = "/spool"
    private var draws: Randomness
    private let disk: VirtualDisk
    private let settings: SpoolSettings
    private var model = SpoolModel()
    private var spool: Spool?
    private var harms = false
    private var crowds = false

    /// Lives through the trial of a seed.
    public init(seed: UInt64, steps: Int = 120, planted: Planted? = nil) {
        self.seed = seed
        draws = Randomness(seed: Randomness.seed(seed, 49, 0))
        disk = VirtualDisk(seed: seed)
        crowds = draws.draw(below: 2) == 0
        var settings = SpoolSettings(
            quota: crowds ? SpoolSettings.leastQuota << draws.draw(below: 3) : 64 << 20)
        if draws.draw(below: 3) == 0 {
            settings.key = try? SealingKey((0..<32).map { UInt8($0) })
        }
        settings.segmentBytes = 16 << 10
        settings.pendingBytes = 64 << 10
        settings.planted.skipsChecksums = planted == .noChecksum
        settings.planted.unlinksFirst = planted == .unlinkFirst
        self.settings = settings
        disk.troubles.ignoresSync = planted == .noSync
        disk.troubles.ignoresFolderSync = planted == .noFolderSync
        harms = draws.draw(below: 2) == 0
        model.isCrowded = crowds
        if draws.draw(below: 3) == 0 {
            disk.troubles.failedSyncs = draws.draw(below: 100)
            disk.troubles.failedWrites = draws.draw(below: 50)
        }
        live(steps)
    }

    private mutating func live(_ steps: Int) {
        start()
        for _ in 0..<steps where violation == nil { step() }
        guard violation == nil else { return }
        // The end: all is well, power goes once more, and everything is accounted for.
        disk.troubles.failedSyncs = 0
        disk.troubles.failedWrites = 0
        disk.troubles.capacity = .max
        for queue in SpoolQueue.allCases { append(queue, mustSucceed: queue != .audit) }
        commit(mustSucceed: true)
        crash(.powerCut)
        for queue in SpoolQueue.allCases { drain(queue, all: true) }
        for queue in SpoolQueue.allCases { append(queue, mustSucceed: true) }
        commit(mustSucceed: true)
    }

    private mutating func fail(_ words: String) {
        guard violation == nil else { return }
        violation = words
        for name in (try? disk.list(Self.folder)) ?? [] {
            let bytes = disk.contents("\(Self.folder)/\(name)") ?? []
            let used = (bytes.lastIndex { $0 != 0 } ?? -1) + 1
            note("\(name): \(bytes.count) bytes, \(used) in use")
        }
    }

    private mutating func note(_ words: String) {
        // A trial has some hundreds of lines; more would not be read.
        if story.count < 2_000 { story.append(words) }
    }

    // MARK: Steps

    private mutating func step() {
        let queue = SpoolQueue.allCases[draws.draw(below: SpoolQueue.allCases.count)]
        switch draws.draw(below: 20) {
        case 0..<8:
            for _ in 0...draws.draw(below: 12) { append(queue, mustSucceed: false) }
        case 8..<12: commit(mustSucceed: false)
        case 12..<15: drain(queue, all: draws.draw(below: 4) == 0)
        case 15:
            let how: VirtualDisk.Ending = draws.draw(below: 3) == 0 ? .killed : .powerCut
            let calls = draws.draw(below: 25)
            note("to end after \(calls) calls: \(how)")
            disk.end(after: calls, how)
        case 16: crash(draws.draw(below: 2) == 0 ? .killed : .powerCut)
        case 17 where harms:
            let place = draws.draw(below: 3) > 0 ? disk.flip() : disk.lose()
            model.isDisturbed = true
            if let place { note("damage to \(place.path) at \(place.offset)") }
        case 18 where crowds:
            let room = draws.draw(below: 200_000)
            disk.troubles.capacity = draws.draw(below: 3) == 0 ? .max : disk.used + room
            note("capacity \(disk.troubles.capacity)")
        default: append(queue, mustSucceed: false)
        }
    }

    private mutating func append(_ queue: SpoolQueue, mustSucceed: Bool) {
        guard violation == nil, let spool else { return }
        let tag = model.tag(seed)
        let bytes = Bytes(SpoolModel.content(tag))
        let cut = bytes.count > 0 ? draws.draw(below: bytes.count) : 0
        do throws(Fault) {
            let sequence = try spool.append(queue, [bytes[0..<cut], bytes[cut..<bytes.count]])
            note("\(queue) \(sequence): \(bytes.count) bytes")
            if let words = model.appended(queue, sequence, tag) { fail(words) }
        } catch { hear(error, "append to \(queue)", mustSucceed) }
    }

    private mutating func commit(mustSucceed: Bool) {
        guard violation == nil, let spool else { return }
        do throws(Fault) {
            try spool.commit()
            note("commit")
            model.committed()
        } catch { hear(error, "commit", mustSucceed) }
    }

    /// Reads a queue, and settles some or all of what was read.
    private mutating func drain(_ queue: SpoolQueue, all: Bool) {
        guard violation == nil, let spool else { return }
        guard let last = read(queue, spool) else { return }
        let first = spool.depths[Int(queue.rawValue)].first
        guard last >= first else { return }
        let through = all ? last : first + UInt64(draws.draw(below: Int(last - first) + 1))
        model.settles(queue, through)
        do throws(Fault) {
            try spool.settle(queue, through: through)
            note("\(queue) settled through \(through)")
            model.settled(queue, through)
        } catch { hear(error, "settle \(queue)", false) }
    }

    /// Reads and judges all of a queue; the last number, or `nil` after a fault.
    private mutating func read(_ queue: SpoolQueue, _ spool: Spool) -> UInt64? {
        let depth = spool.depths[Int(queue.rawValue)]
        var last = depth.first - 1
        do throws(Fault) {
            while last + 1 < depth.next {
                let entries = try spool.read(
                    queue, after: last, records: 1 + draws.draw(below: 40),
                    bytes: draws.draw(below: 20_000))
                guard !entries.isEmpty else {
                    fail("\(queue): nothing stands behind \(last), the next is \(depth.next)")
                    return nil
                }
                for entry in entries {
                    if case .gap(let gap) = entry {
                        note("\(queue): gap \(gap.from)…\(gap.through), \(gap.reason)")
                    }
                    if let words = model.check(entry, of: queue, next: last + 1) {
                        fail(words)
                        return nil
                    }
                    last = entry.last
                }
            }
        } catch {
            hear(error, "read \(queue)", false)
            return nil
        }
        if last + 1 != depth.next { fail("\(queue): reads to \(last), the next is \(depth.next)") }
        return last
    }

    // MARK: Ends and beginnings

    /// Judges a fault: the end of the process, or what the disk may say.
    private mutating func hear(_ fault: Fault, _ tried: String, _ mustSucceed: Bool) {
        note("\(tried): \(fault)")
        if disk.isDown { return crash(disk.ending ?? .powerCut) }
        let isExpected = fault.code == .exhausted || fault.code == .unavailable
        if mustSucceed || !isExpected { fail("\(tried): \(fault)") }
    }

    private mutating func crash(_ how: VirtualDisk.Ending) {
        note("end of the process: \(how)")
        crashes += 1
        spool = nil
        disk.restart(how)
        model.ended()
        start()
    }

    private mutating func start() {
        guard violation == nil else { return }
        var numbers = Randomness(seed: draws.next())
        do throws(Fault) {
            let opened = try Spool(
                folder: Self.folder, disk: disk, settings: settings, draw: { numbers.next() })
            note("opened: " + opened.depths.map { "\($0.first)…\($0.next)" }.joined(separator: " "))
            spool = opened
            if let words = model.opened(opened.epoch) { return fail(words) }
            for depth in opened.depths {
                if let words = model.check(depth) { return fail(words) }
            }
            for queue in SpoolQueue.allCases { _ = read(queue, opened) }
        } catch {
            note("open: \(error)")
            if disk.isDown { return crash(disk.ending ?? .powerCut) }
            // Another try, as a node makes it, on a disk that has nothing against it.
            guard error.code == .exhausted || error.code == .unavailable, !isHealthy else {
                return fail("open: \(error)")
            }
            heal()
            start()
        }
    }

    private var isHealthy: Bool {
        disk.troubles.capacity == .max && disk.troubles.failedSyncs == 0
            && disk.troubles.failedWrites == 0
    }

    private mutating func heal() {
        disk.troubles.capacity = .max
        disk.troubles.failedSyncs = 0
        disk.troubles.failedWrites = 0
    }
}
