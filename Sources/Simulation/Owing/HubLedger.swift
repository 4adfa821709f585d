import Ground
import Records

/// What the hub holds of one node's spool: as its store takes a batch, with numbers for records.
struct HubLedger {
    private(set) var marks = [Watermark](
        repeating: Watermark(), count: SpoolQueue.allCases.count)
    /// What became of owed frames, by sequence: whether they were answered. Whoever asks again
    /// hears the same.
    private(set) var settled: [UInt64: Bool] = [:]
    /// The latest logical time of each queue.
    private var clocks = [UInt64](repeating: 0, count: SpoolQueue.allCases.count)

    func watermark(_ queue: SpoolQueue) -> UInt64 { marks[Int(queue.rawValue)].through }

    /// Takes a batch up to the first frame without an outcome, in one transaction; what is wrong
    /// with what came of it, or `nil`.
    ///
    /// - Parameters:
    ///   - outcomes: of frames that have none yet: whether they were answered.
    ///   - again: a bug that tests plant: what is held already is counted once more.
    mutating func ingest(
        _ parcel: OwedParcel, _ outcomes: [UInt64: Bool], _ accounts: inout OwedAccounts,
        again: Bool
    ) -> String? {
        let (queue, index) = (parcel.queue, Int(parcel.queue.rawValue))
        var last = parcel.first - 1
        for (sequence, content) in parcel.contents {
            switch content {
            case .gap(let through):
                for part in marks[index].missing(in: sequence...through) {
                    if let words = accounts.lose(queue, part) { return words }
                }
                last = through
            case .item(let item):
                if queue == .escalation, settled[sequence] == nil {
                    guard let outcome = outcomes[sequence] else {
                        return keep(parcel.first, last, index)
                    }
                    settled[sequence] = outcome
                }
                last = sequence
                guard again || !marks[index].holds(sequence) else { continue }
                if let words = accounts.count(queue, sequence, item.serial) { return words }
                clocks[index] = max(clocks[index], item.clock)
            }
        }
        return keep(parcel.first, parcel.last, index)
    }

    private mutating func keep(_ first: UInt64, _ last: UInt64, _ index: Int) -> String? {
        guard last >= first else { return nil }
        do throws(Fault) {
            try marks[index].add(first...last)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
