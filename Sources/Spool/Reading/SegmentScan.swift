import Cryptography
import Ground

/// Walks the records of a segment, over damage.
struct SegmentScan {
    let segment: Segment
    let window: SegmentWindow
    /// Sequence numbers from this on are not looked for here.
    let limit: UInt64
    let planted: SpoolPlanted
    /// Where the next record is expected.
    var offset = SegmentHeader.size

    /// What stands at a place.
    enum Found {
        /// A record's header, whether its bytes are as they were written, and those bytes as they
        /// lie on the disk.
        case record(RecordHeader, Bytes, isWhole: Bool)
        /// Nothing that can be read, from `offset` to the end.
        case nothing
    }

    /// The next record from `expected` on; the walk goes on behind it. Where the chain of records
    /// is broken, what follows is searched for its next link.
    mutating func next(expected: UInt64) throws(Fault) -> Found {
        var at = offset
        while let header = try header(from: &at, expected: expected) {
            // A length that leads out of the file is no link.
            guard header.length <= window.limit - at - RecordHeader.size else {
                at += 8
                continue
            }
            offset = at + header.framed
            guard header.sequence >= expected else {
                at = offset
                continue
            }
            guard let body = try window.bytes(at: at + RecordHeader.size, header.length) else {
                return .nothing
            }
            return .record(header, body, isWhole: isWhole(header, body))
        }
        return .nothing
    }

    private func isWhole(_ header: RecordHeader, _ body: Bytes) -> Bool {
        if planted.skipsChecksums { return true }
        return body.withUnsafeBytes {
            Checksum.crc32c($0, after: segment.lineage) == header.checksum
        }
    }

    /// The header at `at`, or the next one behind it, whose place `at` then is.
    private func header(from at: inout Int, expected: UInt64) throws(Fault) -> RecordHeader? {
        if let header = try header(at: at) { return header }
        let start = at
        // Two looks: what a cable or a memory garbled once is whole the second time.
        window.forget()
        if let header = try header(at: at) { return header }
        if planted.skipsChecksums { return nil }
        at += 8
        while at + RecordHeader.size <= window.limit {
            guard let piece = try window.bytes(at: at, RecordHeader.size) else { break }
            let header = piece.withUnsafeBytes { raw -> RecordHeader? in
                // Cheap first: what lies between is mostly zero or far from any number expected.
                let sequence = raw.number(at: 8, as: UInt64.self)
                guard sequence >= expected, sequence < limit else { return nil }
                return RecordHeader(raw, lineage: segment.lineage)
            }
            if let header { return header }
            at += 8
        }
        at = start
        return nil
    }

    private func header(at offset: Int) throws(Fault) -> RecordHeader? {
        guard let piece = try window.bytes(at: offset, RecordHeader.size) else { return nil }
        let lineage = segment.lineage
        let header = piece.withUnsafeBytes { raw -> RecordHeader? in
            if planted.skipsChecksums {
                let header = RecordHeader(unchecked: raw)
                return header.count > 0 && header.sequence >= segment.first ? header : nil
            }
            return RecordHeader(raw, lineage: lineage)
        }
        guard let header, header.sequence >= segment.first, header.sequence < limit else {
            return nil
        }
        return header
    }
}

extension SegmentScan {
    /// What a tail turned out to hold.
    struct Tail {
        /// The first sequence number that the segment does not hold.
        var next: UInt64
        /// Bytes in use.
        var used: Int
        /// What was written and cannot be read.
        var gaps: [SpoolGap] = []
    }

    /// Reads the segment that was written to last, whose end nothing else tells. `unknown`
    /// gives the parts of a range that no gap stands for yet.
    ///
    /// What a later commit follows was durable before that began: it is damaged. What nothing
    /// follows was being written, or damaged after: nobody can tell, so it becomes a gap as well,
    /// and no number of it is given again.
    static func tail(
        _ segment: Segment, _ window: SegmentWindow, planted: SpoolPlanted,
        unknown: (ClosedRange<UInt64>) -> [ClosedRange<UInt64>]
    ) throws(Fault) -> Tail {
        let most = segment.first + UInt64(segment.size / RecordHeader.size)
        var scan = SegmentScan(segment: segment, window: window, limit: most, planted: planted)
        var tail = Tail(next: segment.first, used: SegmentHeader.size)
        var open: [SpoolGap] = []
        while case .record(let header, _, let isWhole) = try scan.next(expected: tail.next) {
            guard header.sequence >= tail.next else { continue }
            if header.place == 0 {
                tail.gaps += open.map {
                    SpoolGap(from: $0.from, through: $0.through, reason: .damaged)
                }
                open = []
            }
            if header.sequence > tail.next {
                for part in unknown(tail.next...(header.sequence - 1)) {
                    open.append(
                        SpoolGap(
                            from: part.lowerBound, through: part.upperBound, reason: .unfinished))
                }
            }
            if !isWhole {
                open.append(
                    SpoolGap(
                        from: header.sequence, through: header.sequence, reason: .unfinished))
            }
            tail.next = header.sequence + 1
            tail.used = scan.offset
        }
        if !planted.skipsChecksums, let last = try window.lastNonzero(from: scan.offset) {
            let most = UInt64((last - scan.offset) / RecordHeader.size)
            open.append(
                SpoolGap(from: tail.next, through: tail.next + most, reason: .unfinished))
            tail.next += most + 1
            tail.used = (last + 8) & ~7
        }
        tail.gaps += open
        return tail
    }
}
