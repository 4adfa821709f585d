import Cryptography
public import Ground

extension Spool {
    /// What stands in a queue behind `after`, or behind what is settled where that is more: at most
    /// `records` entries and `bytes` bytes of records, but one entry at least where there is one.
    /// Nothing is read that is not durable.
    ///
    /// The entries follow each other without a hole: what is lost is a gap. A record that is not as
    /// it was written is a gap too, and never given as if it were; the rest of its segment is.
    ///
    /// - Throws: what the disk says when nothing can be read from it.
    public func read(
        _ queue: SpoolQueue, after: UInt64, records: Int, bytes: Int
    ) throws(Fault) -> [SpoolEntry] {
        let index = Int(queue.rawValue)
        var run = ReadingRun(
            next: max(after, lanes[index].settled) + 1, records: records, bytes: bytes)
        while !run.isFull, run.next <= lanes[index].committed {
            let lane = lanes[index]
            if let gap = lane.gaps.covering(run.next) {
                run.add(through: min(gap.through, lane.committed), gap.reason)
            } else if let place = lane.segment(holding: run.next) {
                try read(index, lane.segments[place], last: lane.last(ofSegment: place), &run)
            } else {
                // Whatever stood before the first segment is gone, and no gap tells of it.
                let end = (lane.segments.first?.first ?? .max) - 1
                lose(to: min(end, lane.committed), index, nil, &run)
            }
        }
        return run.entries
    }

    /// Reads on in one segment, whose last number is `last`.
    private func read(
        _ index: Int, _ segment: Segment, last: UInt64, _ run: inout ReadingRun
    ) throws(Fault) {
        let last = min(last, lanes[index].committed)
        guard let file = try reader(segment) else {
            return lose(to: last, index, segment, &run)
        }
        let window = SegmentWindow(
            file, limit: segment.end, size: min(max(run.bytes, 64 << 10), SegmentWindow.usual)
        ) { [state] in state.isReadable }
        var scan = SegmentScan(
            segment: segment, window: window, limit: last + 1, planted: settings.planted)
        if let place = lanes[index].place, place.segment == segment.first,
            place.sequence < run.next
        {
            scan.offset = place.offset
        }
        let seal = segment.makeSeal()
        while !run.isFull, run.next <= last {
            guard
                case .record(let header, let body, let isWhole) = try scan.next(
                    expected: run.next)
            else { return lose(to: last, index, segment, &run) }
            if header.sequence > run.next {
                lose(to: header.sequence - 1, index, segment, &run)
                if run.isFull { return }
            }
            if let gap = lanes[index].gaps.covering(run.next) {
                run.add(through: min(gap.through, last), gap.reason)
                continue
            }
            guard isWhole, let record = plain(body, header, segment, seal) else {
                lose(to: header.sequence, index, segment, &run)
                continue
            }
            guard run.add(record) else { return }
            lanes[index].place = ReadingPlace(
                segment: segment.first, sequence: header.sequence, offset: scan.offset)
        }
    }

    /// The segment's file; `nil` when it is gone.
    private func reader(_ segment: Segment) throws(Fault) -> (any SegmentFile)? {
        if let file = segment.file { return file }
        do throws(Fault) {
            return try disk.open(segment.path)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// A record's bytes as they were given; `nil` when they do not open.
    private func plain(
        _ body: Bytes, _ header: RecordHeader, _ segment: Segment, _ seal: Seal?
    ) -> Bytes? {
        if case .unreadable = segment.records { return nil }
        guard let seal else { return body }
        // In place: the window is this call's own, and nothing reads a record twice.
        let sealed = UnsafeMutableRawBufferPointer(
            start: body.slab.base + body.start, count: body.count)
        do throws(Fault) {
            try seal.open(
                sealed, number: header.sequence, associated: segment.associated(header.sequence))
        } catch {
            return nil
        }
        return body[0..<body.count - Seal.overhead]
    }

    /// Puts gaps from the run's next number to `through`: those that are known, and damage for the
    /// rest.
    private func lose(
        to through: UInt64, _ index: Int, _ segment: Segment?, _ run: inout ReadingRun
    ) {
        guard run.next <= through else { return }
        for part in lanes[index].gaps.missing(in: run.next...through) {
            segment?.isDamaged = true
            let gap = SpoolGap(from: part.lowerBound, through: part.upperBound, reason: .damaged)
            if lanes[index].found.gaps.count < GapList.limit { lanes[index].found.add(gap) }
        }
        while run.next <= through {
            if let gap = lanes[index].gaps.covering(run.next) {
                run.add(through: min(gap.through, through), gap.reason)
            } else {
                let end = lanes[index].gaps.missing(in: run.next...through)[0].upperBound
                run.add(through: end, .damaged)
            }
        }
    }
}

/// What one call of `read` has found.
struct ReadingRun {
    var entries: [SpoolEntry] = []
    /// The number of the next entry.
    var next: UInt64
    /// What it may still take.
    private var records: Int
    private(set) var bytes: Int

    init(next: UInt64, records: Int, bytes: Int) {
        self.next = next
        self.records = max(records, 1)
        self.bytes = max(bytes, 1)
    }

    var isFull: Bool { !entries.isEmpty && (records <= 0 || bytes <= 0) }

    /// Adds a record; `false` when it must wait for the next call.
    mutating func add(_ record: Bytes) -> Bool {
        guard entries.isEmpty || record.count <= bytes else {
            bytes = 0
            return false
        }
        entries.append(.record(sequence: next, record))
        next += 1
        records -= 1
        bytes -= max(record.count, 1)
        return true
    }

    /// Adds a gap, as one with the entry before when that is a gap of the same kind.
    mutating func add(through: UInt64, _ reason: SpoolLoss) {
        if case .gap(var last) = entries.last, last.reason == reason, last.through + 1 == next {
            last.through = through
            entries[entries.count - 1] = .gap(last)
        } else {
            entries.append(.gap(SpoolGap(from: next, through: through, reason: reason)))
            records -= 1
        }
        next = through + 1
    }
}
