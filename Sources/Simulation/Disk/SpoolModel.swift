import Ground
import Spool

/// What a spool has promised, and what it gave: the judge of a trial.
struct SpoolModel {
    struct Queue {
        /// The tag of each record that a commit has acknowledged and that is not settled.
        var owed: [UInt64: UInt64] = [:]
        /// Tags that may stand under a number that no commit acknowledged.
        var possible: [UInt64: [UInt64]] = [:]
        /// Numbers appended since the last commit.
        var pending: [UInt64] = []
        /// Everything up to this is settled for sure.
        var settled: UInt64 = 0
        /// Everything up to this may be: a crash came while it was being settled.
        var maySettle: UInt64 = 0
        /// The highest number that was seen, in an acknowledgement or in reading.
        var highest: UInt64 = 0
    }

    var queues = [Queue](repeating: Queue(), count: SpoolQueue.allCases.count)
    /// Whether the disk changed or refused what it had: then loss must be told, and may be.
    var isDisturbed = false
    /// Whether there was too little room at any time.
    var isCrowded = false
    var epoch: UInt64 = 0
    var acknowledged = 0
    var lost: UInt64 = 0
    private var tags: UInt64 = 0

    /// A record's bytes: they follow from its tag.
    static func content(_ tag: UInt64) -> [UInt8] {
        var draws = Randomness(seed: tag)
        // Mostly small, some with pieces that are not copied, some larger than a page or two.
        let length =
            switch draws.draw(below: 10) {
            case 0: 0
            case 1: 4_000 + draws.draw(below: 7_000)
            default: draws.draw(below: 700)
            }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length + 8)
        while bytes.count < length {
            let word = draws.next()
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * shift))) }
        }
        return Array(bytes.prefix(length))
    }

    mutating func tag(_ seed: UInt64) -> UInt64 {
        tags += 1
        return Randomness.seed(seed, 48, Int(tags))
    }

    mutating func appended(_ queue: SpoolQueue, _ sequence: UInt64, _ tag: UInt64) -> String? {
        let index = Int(queue.rawValue)
        defer { queues[index].highest = max(queues[index].highest, sequence) }
        queues[index].possible[sequence, default: []].append(tag)
        queues[index].pending.append(sequence)
        guard sequence > queues[index].highest else {
            return
                "\(queue): number \(sequence) was given twice, \(queues[index].highest) was known"
        }
        return nil
    }

    /// All that was appended is acknowledged.
    mutating func committed() {
        for index in queues.indices {
            for sequence in queues[index].pending {
                queues[index].owed[sequence] = queues[index].possible[sequence]?.last
                queues[index].possible[sequence] = nil
                acknowledged += 1
            }
            queues[index].pending = []
        }
    }

    /// The process ended: what was not acknowledged may be there or not.
    mutating func ended() {
        for index in queues.indices {
            queues[index].pending = []
            let least = queues[index].owed.keys.max() ?? 0
            queues[index].highest = max(least, queues[index].settled)
        }
    }

    mutating func settles(_ queue: SpoolQueue, _ through: UInt64) {
        let index = Int(queue.rawValue)
        queues[index].maySettle = max(queues[index].maySettle, through)
    }

    mutating func settled(_ queue: SpoolQueue, _ through: UInt64) {
        let index = Int(queue.rawValue)
        queues[index].settled = max(queues[index].settled, through)
        for sequence in queues[index].owed.keys.sorted() where sequence <= through {
            queues[index].owed[sequence] = nil
        }
        for sequence in queues[index].possible.keys.sorted() where sequence <= through {
            queues[index].possible[sequence] = nil
        }
    }

    // MARK: Judging

    /// What is wrong with an epoch after a start, or `nil`. A spool whose cursors are gone goes on
    /// as another one, whose numbers say nothing of the former ones.
    mutating func opened(_ epoch: UInt64) -> String? {
        defer { self.epoch = epoch }
        guard self.epoch != 0, epoch != self.epoch else { return nil }
        for index in queues.indices {
            queues[index].settled = 0
            queues[index].highest = 0
        }
        return isDisturbed ? nil : "the spool is another one than before"
    }

    /// What is wrong with a queue's depth after a start, or `nil`.
    mutating func check(_ depth: SpoolDepth) -> String? {
        let index = Int(depth.queue.rawValue)
        let queue = queues[index]
        if depth.first > max(queue.settled, queue.maySettle) + 1 {
            return "\(depth.queue): begins at \(depth.first), settled is \(queue.settled)"
        }
        if depth.first <= queue.settled, !isDisturbed {
            return "\(depth.queue): begins at \(depth.first), although \(queue.settled) is settled"
        }
        if let last = queue.owed.keys.max(), last >= depth.next {
            return "\(depth.queue): ends before \(depth.next), although \(last) was acknowledged"
        }
        queues[index].highest = max(queue.highest, depth.next - 1)
        return nil
    }

    /// What is wrong with an entry that stands where `next` is expected, or `nil`.
    mutating func check(_ entry: SpoolEntry, of name: SpoolQueue, next: UInt64) -> String? {
        let queue = queues[Int(name.rawValue)]
        switch entry {
        case .record(let sequence, let bytes):
            guard sequence == next else {
                return "\(name): \(sequence) stands where \(next) should"
            }
            let tags = queue.owed[sequence].map { [$0] } ?? queue.possible[sequence] ?? []
            if sequence > queue.settled, !tags.contains(where: { Self.content($0) == bytes.array })
            {
                return "\(name): \(sequence) is not as it was appended"
            }
        case .gap(let gap):
            guard gap.from == next, gap.through >= gap.from else {
                return "\(name): a gap \(gap.from)…\(gap.through) stands where \(next) should"
            }
            return check(gap, queue, name)
        }
        return nil
    }

    private mutating func check(_ gap: SpoolGap, _ queue: Queue, _ name: SpoolQueue) -> String? {
        let covered = queue.owed.keys.filter { $0 >= gap.from && $0 <= gap.through }
        guard let one = covered.min() else { return nil }
        lost += UInt64(covered.count)
        if gap.reason == .overflow {
            if name == .audit { return "audit: \(one) was dropped" }
            return isCrowded ? nil : "\(name): \(one) was dropped although there was room"
        }
        return isDisturbed
            ? nil : "\(name): \(one) was acknowledged, is \(gap.reason), and no disk did that"
    }
}
