import Ground

/// What a node was promised of what it owes, and what came of it at the hub: the judge of both.
struct OwedAccounts {
    enum State {
        /// Appended, and no commit has returned since.
        case pending
        /// Its node ended before a commit: it is on the disk or not.
        case unsure
        /// On disk, by the spool's own word.
        case acknowledged
        /// At the hub.
        case counted
        /// A gap stands for it at the hub.
        case gapped
    }

    struct Queue {
        /// By sequence less one.
        fileprivate(set) var entries: [(serial: UInt64, state: State)] = []
        fileprivate var pending: [UInt64] = []
        /// Records that are acknowledged, counted at the hub, and lost with a gap after they were
        /// acknowledged.
        fileprivate(set) var acknowledged = 0
        fileprivate(set) var counted = 0
        fileprivate(set) var gapped = 0
        /// Records that ended with their node before they were on disk.
        fileprivate(set) var cut = 0
    }

    private(set) var queues = [Queue](repeating: Queue(), count: SpoolQueue.allCases.count)
    private(set) var pendingBytes = 0

    subscript(queue: SpoolQueue) -> Queue { queues[Int(queue.rawValue)] }

    mutating func appended(
        _ queue: SpoolQueue, _ sequence: UInt64, _ serial: UInt64, _ bytes: Int
    ) {
        let index = Int(queue.rawValue)
        // Numbers that a power cut left nobody are never seen again, or stand in a gap.
        while queues[index].entries.count < sequence { queues[index].entries.append((0, .unsure)) }
        queues[index].entries[Int(sequence) - 1] = (serial, .pending)
        queues[index].pending.append(sequence)
        pendingBytes += bytes
    }

    /// All that was appended is on disk.
    mutating func committed() {
        pendingBytes = 0
        for index in queues.indices {
            for sequence in queues[index].pending {
                guard queues[index].entries[Int(sequence) - 1].state == .pending else { continue }
                queues[index].entries[Int(sequence) - 1].state = .acknowledged
                queues[index].acknowledged += 1
            }
            queues[index].pending.removeAll(keepingCapacity: true)
        }
    }

    /// The node ended.
    mutating func ended() {
        pendingBytes = 0
        for index in queues.indices {
            for sequence in queues[index].pending
            where queues[index].entries[Int(sequence) - 1].state == .pending {
                queues[index].entries[Int(sequence) - 1].state = .unsure
                queues[index].cut += 1
            }
            queues[index].pending.removeAll(keepingCapacity: true)
        }
    }

    // MARK: At the hub

    /// The hub counts a record; what is wrong with that, or `nil`.
    mutating func count(_ queue: SpoolQueue, _ sequence: UInt64, _ serial: UInt64) -> String? {
        let index = Int(queue.rawValue)
        guard sequence >= 1, sequence <= queues[index].entries.count else {
            return "\(queue) \(sequence) is at the hub and was never written down"
        }
        let entry = queues[index].entries[Int(sequence) - 1]
        switch entry.state {
        case .counted: return "\(queue) \(sequence) is counted twice at the hub"
        case .gapped: return "\(queue) \(sequence) is counted at the hub after a gap stood for it"
        case .unsure: queues[index].acknowledged += 1
        case .pending, .acknowledged: break
        }
        guard entry.serial == serial else {
            return "\(queue) \(sequence) is \(serial) at the hub, and was \(entry.serial)"
        }
        queues[index].entries[Int(sequence) - 1].state = .counted
        queues[index].counted += 1
        return nil
    }

    /// The hub hears that nothing will come of some numbers; what is wrong with that, or `nil`.
    mutating func lose(_ queue: SpoolQueue, _ range: ClosedRange<UInt64>) -> String? {
        let index = Int(queue.rawValue)
        while queues[index].entries.count < range.upperBound {
            queues[index].entries.append((0, .unsure))
        }
        for sequence in range {
            switch queues[index].entries[Int(sequence) - 1].state {
            case .acknowledged:
                if queue == .audit { return "audit \(sequence) was dropped" }
                queues[index].gapped += 1
            case .pending, .unsure: break
            case .counted, .gapped: return "a gap stands for \(queue) \(sequence) a second time"
            }
            queues[index].entries[Int(sequence) - 1].state = .gapped
        }
        return nil
    }

    /// The first number up to `last` of which the hub has neither record nor gap.
    func missing(_ queue: SpoolQueue, through last: UInt64) -> UInt64? {
        let entries = self[queue].entries.prefix(Int(last))
        let place = entries.firstIndex { $0.state != .counted && $0.state != .gapped }
        return place.map { UInt64($0) + 1 } ?? (entries.count < last ? last : nil)
    }
}
