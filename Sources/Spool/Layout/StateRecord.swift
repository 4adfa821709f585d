import Ground

/// What a spool must know and no segment says: how far each queue is settled, and its gaps.
///
/// | at | bytes | what |
/// |---|---|---|
/// | 0 | 8 | `CNPYSTA` and a line feed |
/// | 8 | 2 | version of the layout |
/// | 10 | 2 | queues |
/// | 16 | 8 | generation: the higher of two whole slots is in force |
/// | 24 | 8 | epoch |
/// | 32 | … | each queue: settled, next, dropped (8 bytes each), count of gaps (4), 4 bytes |
/// |   |   | and behind each, its gaps: from, through (8 bytes each), reason (1), 7 bytes |
/// | 8,188 | 4 | CRC32C of all before |
struct StateRecord: Equatable {
    /// Bytes of a slot; the file has two, which are written in turn.
    static let size = 8192
    static let version: UInt16 = 1
    private static let magic = Array("CNPYSTA\n".utf8)
    private static let checked = size - 4

    struct Queue: Equatable {
        /// Everything up to this is settled.
        var settled: UInt64 = 0
        /// No number from this on was durable when this was written.
        var next: UInt64 = 1
        /// Records lost since the spool was made.
        var dropped: UInt64 = 0
        var gaps = GapList()
    }

    var generation: UInt64
    var epoch: UInt64
    /// One for each queue, in their order.
    var queues: [Queue]

    enum Reading: Equatable {
        case state(StateRecord)
        case damaged
        case later(UInt16)
    }

    func write(into slot: UnsafeMutableRawBufferPointer) {
        slot.initializeMemory(as: UInt8.self, repeating: 0)
        slot.put(Self.magic, at: 0)
        slot.put(Self.version, at: 8)
        slot.put(UInt16(queues.count), at: 10)
        slot.put(generation, at: 16)
        slot.put(epoch, at: 24)
        var at = 32
        for queue in queues {
            slot.put(queue.settled, at: at)
            slot.put(queue.next, at: at + 8)
            slot.put(queue.dropped, at: at + 16)
            slot.put(UInt32(queue.gaps.gaps.count), at: at + 24)
            at += 32
            for gap in queue.gaps.gaps {
                slot.put(gap.from, at: at)
                slot.put(gap.through, at: at + 8)
                slot.put(gap.reason.rawValue, at: at + 16)
                at += 24
            }
        }
        slot.put(
            Checksum.crc32c(UnsafeRawBufferPointer(slot).part(0, Self.checked)), at: Self.checked)
    }

    static func read(_ slot: UnsafeRawBufferPointer) -> Reading {
        guard slot.count >= size, slot.starts(with: magic),
            Checksum.crc32c(slot.part(0, checked)) == slot.number(at: checked, as: UInt32.self)
        else { return .damaged }
        let version = slot.number(at: 8, as: UInt16.self)
        guard version <= Self.version else { return .later(version) }
        var state = StateRecord(
            generation: slot.number(at: 16), epoch: slot.number(at: 24), queues: [])
        var at = 32
        for _ in 0..<min(Int(slot.number(at: 10, as: UInt16.self)), SpoolQueue.allCases.count) {
            guard let queue = readQueue(slot, &at) else { return .damaged }
            state.queues.append(queue)
        }
        // A version that knew fewer queues had nothing in those that it did not know.
        while state.queues.count < SpoolQueue.allCases.count { state.queues.append(Queue()) }
        return .state(state)
    }

    private static func readQueue(_ slot: UnsafeRawBufferPointer, _ at: inout Int) -> Queue? {
        guard at + 32 <= checked else { return nil }
        var queue = Queue(
            settled: slot.number(at: at), next: slot.number(at: at + 8),
            dropped: slot.number(at: at + 16))
        let count = Int(slot.number(at: at + 24, as: UInt32.self))
        at += 32
        guard count <= GapList.limit, at + count * 24 <= checked, queue.next > queue.settled else {
            return nil
        }
        var gaps: [SpoolGap] = []
        for _ in 0..<count {
            guard let reason = SpoolLoss(rawValue: slot[at + 16]) else { return nil }
            gaps.append(
                SpoolGap(
                    from: slot.number(at: at), through: slot.number(at: at + 8), reason: reason))
            at += 24
        }
        guard let list = GapList(gaps) else { return nil }
        queue.gaps = list
        return queue
    }
}
