import Ground
import Spool
import Wire

/// One batch as it is sent, and what is needed of it when the answer comes.
struct SentBatch {
    let first: UInt64
    let last: UInt64
    let block: Bytes
    /// Of frames that are owed: their receipts by sequence.
    let receipts: [UInt64: String]

    /// - Parameters:
    ///   - holdsFrames: whether to look for receipts.
    ///   - time: for gaps, which were nobody's record.
    /// - Returns: `nil` when there is nothing to send.
    /// - Throws: `corrupt` when a record is none: its checksum was right, so a program wrote it so.
    init?(_ entries: [SpoolEntry], holdsFrames: Bool, time: WallTime) throws(Fault) {
        guard let opening = entries.first, let closing = entries.last else { return nil }
        var records: [(sequence: UInt64, record: Bytes)] = []
        var receipts: [UInt64: String] = [:]
        for entry in entries {
            switch entry {
            case .record(let sequence, let bytes):
                records.append((sequence, bytes))
                guard holdsFrames,
                    case .escalation(let owed)? = try OwedRecord.decode(bytes).body
                else { continue }
                receipts[sequence] = owed.receipt
            case .gap(let gap):
                let record = OwedRecord(
                    at: time, clock: 0,
                    body: .gap(
                        GapRecord(
                            first: gap.from, last: gap.through, reason: gap.reason.description)))
                records.append((gap.from, record.encode()[0]))
            }
        }
        switch opening {
        case .record(let sequence, _): first = sequence
        case .gap(let gap): first = gap.from
        }
        last = closing.last
        block = OwedBlock.assembled(records)
        self.receipts = receipts
    }

    /// What becomes of the frames' receipts, by what the node above said. A frame that it counts as
    /// settled and has no answer to will have none: it could not be read there, or may not come
    /// from here.
    func endings(
        _ reply: UploadReply
    ) -> [(id: String, sequence: UInt64, state: ReceiptBook.State)] {
        var states: [UInt64: ReceiptBook.State] = [:]
        for settlement in reply.settlements {
            switch settlement.outcome {
            case .response(let bytes): states[settlement.sequence] = .answered(bytes.array)
            case .error(let words): states[settlement.sequence] = .lost(words)
            }
        }
        return receipts.keys.sorted().compactMap { sequence in
            guard let id = receipts[sequence] else { return nil }
            if let state = states[sequence] { return (id, sequence, state) }
            guard sequence <= reply.watermark else { return nil }
            return (id, sequence, .lost("the node above took the frame and has no answer to it"))
        }
    }
}
