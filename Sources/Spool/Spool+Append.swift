import Cryptography
public import Ground

extension Spool {
    /// Appends a record, whose bytes are those of `record` one behind the other, and returns its
    /// sequence number. It is durable after the next `commit`.
    ///
    /// When there is no room, the oldest segment of the lowest queue is dropped for it. When all
    /// that is here is worth more, the record itself is what is dropped: it has a number, and a gap
    /// stands under that.
    ///
    /// - Throws: `invalid` for a record that is too long; `exhausted` for an audit record when the
    ///   spool is full of what is not dropped: it was not taken, and has no number. Else what a
    ///   commit throws, since a full batch is committed first.
    @discardableResult
    public func append(_ queue: SpoolQueue, _ record: [Bytes]) throws(Fault) -> UInt64 {
        let length = record.reduce(0) { $0 + $1.count }
        guard length <= settings.recordBytes else {
            throw Fault(
                .invalid,
                "a record of \(length) bytes for the queue '\(queue)', at most "
                    + "\(settings.recordBytes) are taken")
        }
        if pending >= Self.mostPending || pendingBytes + length > settings.pendingBytes,
            pending > 0
        {
            try commit()
        }
        let index = Int(queue.rawValue)
        let framed = framed(length)
        guard let segment = try seat(index, framed) else {
            guard queue != .audit else { throw auditFault(framed) }
            return refuse(index)
        }
        let sequence = lanes[index].issued + 1
        lanes[index].issued = sequence
        batches[index].append(
            record, length: length, sequence: sequence, segment: segment, offset: segment.end)
        segment.end += framed
        return sequence
    }

    /// Whether a record is not lost. One for which there was no room, or that had to give way
    /// before it was written, stands in a gap.
    public func holds(_ queue: SpoolQueue, _ sequence: UInt64) -> Bool {
        lanes[Int(queue.rawValue)].gaps.covering(sequence) == nil
    }

    private var pendingBytes: Int { batches.reduce(0) { $0 + $1.bytes } }

    /// Bytes of disk for a record.
    func framed(_ length: Int) -> Int {
        RecordHeader.framed(settings.key == nil ? length : length + sealOverhead)
    }

    /// Gives a number to a record for which there is no room, and puts a gap under it.
    private func refuse(_ index: Int) -> UInt64 {
        let sequence = lanes[index].issued + 1
        lanes[index].issued = sequence
        lose(index, from: sequence, through: sequence)
        return sequence
    }

    func auditFault(_ framed: Int) -> Fault {
        Fault(
            .exhausted,
            "no room for an audit record of \(framed) bytes: the spool \(folder) holds \(held) of "
                + "\(settings.quota) bytes, all of them audit records or not to be dropped for it",
            remedy: "let it drain to the node above, or raise the node's budget for the spool",
            retry: .after(.seconds(1)))
    }

    /// Notes the loss of records to overflow; durable with the next state.
    func lose(_ index: Int, from: UInt64, through: UInt64) {
        let gap = SpoolGap(from: from, through: through, reason: .overflow)
        lanes[index].dropped += lanes[index].gaps.add(gap)
        isStateNew = true
    }

    /// The segment that has room for `framed` more bytes of a lane, a new one where needed; `nil`
    /// when what comes must give way.
    func seat(_ index: Int, _ framed: Int) throws(Fault) -> Segment? {
        if let active = lanes[index].active, active.end + framed <= active.size { return active }
        rest(index)
        let queue = lanes[index].queue
        var need = sizes.segment(queue, holding: framed)
        var isDiskFull = false
        while true {
            let decision = policy.decide(need, for: queue, view, isDiskFull: isDiskFull)
            switch decision {
            case .take:
                do throws(Fault) {
                    return try makeSegment(index, bytes: need)
                } catch {
                    guard error.code == .exhausted else { throw error }
                    // A small one may find room where a large one does not; then others must go.
                    isDiskFull = need == sizes.least(holding: framed)
                    need = sizes.least(holding: framed)
                }
                continue
            case .forgetDamaged:
                let oldest = quarantined.removeFirst()
                try disk.unlink(oldest.path)
            case .release(let other): try release(Int(other.rawValue))
            case .drop(let other): try drop(Int(other.rawValue))
            case .refuse: return nil
            }
            need = sizes.segment(queue, holding: framed)
            isDiskFull = false
        }
    }

    private var view: RoomView {
        RoomView(
            held: held, quarantined: quarantined.reduce(0) { $0 + $1.size },
            queues: lanes.map {
                RoomView.Queue(bytes: $0.bytes, isOwed: $0.settled < $0.issued)
            })
    }

    /// Writes no more to a lane's active segment, and gives the rest of its room back.
    func rest(_ index: Int) {
        guard let active = lanes[index].active else { return }
        lanes[index].isActive = false
        if active.end < active.size, let file = active.file {
            try? cut(active, file, to: active.end)
        }
        if !batches[index].entries.contains(where: { $0.segment === active }) { active.file = nil }
    }

    private func makeSegment(_ index: Int, bytes: Int) throws(Fault) -> Segment {
        guard lanes.reduce(0, { $0 + $1.segments.count }) < Self.mostSegments else {
            throw Fault(.exhausted, "the spool \(folder) has \(Self.mostSegments) segments")
        }
        let lane = lanes[index]
        var sealing: SegmentHeader.Sealing?
        if let key = settings.key {
            sealing = SegmentHeader.Sealing(salt: salt(), fingerprint: key.fingerprint)
        }
        let segment = Segment(
            lane.queue, first: lane.issued + 1, folder: folder, epoch: epoch,
            records: sealing.map { .sealed(segmentKey($0.salt)) } ?? .plain, size: bytes)
        let header = SegmentHeader(
            queue: lane.queue, epoch: epoch, first: segment.first, settled: lane.settled,
            sealing: sealing)
        let file = try disk.make(segment.path)
        do throws(Fault) {
            try file.preallocate(bytes)
            try write(header, to: file)
        } catch {
            try? disk.unlink(segment.path)
            throw error
        }
        segment.file = file
        isFolderNew = true
        lanes[index].segments.append(segment)
        lanes[index].isActive = true
        return segment
    }

    private func write(_ header: SegmentHeader, to file: any SegmentFile) throws(Fault) {
        let page = Slab(capacity: SegmentHeader.size)
        let bytes = UnsafeMutableRawBufferPointer(start: page.base, count: SegmentHeader.size)
        header.write(into: bytes)
        try file.write([UnsafeRawBufferPointer(bytes)], at: 0)
    }

    private func salt() -> [UInt8] {
        [draw(), draw()].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }
    }

    /// Removes a lane's oldest segment, of which all is settled.
    private func release(_ index: Int) throws(Fault) {
        guard let segment = lanes[index].segments.first else { return }
        if lanes[index].segments.count == 1 { lanes[index].isActive = false }
        lanes[index].segments.removeFirst()
        try disk.unlink(segment.path)
    }

    /// Drops a lane's oldest segment: the gap is durable before the segment goes.
    private func drop(_ index: Int) throws(Fault) {
        guard let segment = lanes[index].segments.first else { return }
        let last = lanes[index].last(ofSegment: 0)
        let before = lanes[index]
        let hadState = isStateNew
        if lanes[index].segments.count == 1 { lanes[index].isActive = false }
        lanes[index].segments.removeFirst()
        if last > before.settled {
            lose(index, from: before.settled + 1, through: last)
            // Numbers of it that were never durable are part of the gap, and durable with it.
            lanes[index].committed = max(before.committed, last)
        }
        lanes[index].found.settle(through: last)
        giveUpExcess()
        do throws(Fault) {
            try saveState()
        } catch {
            lanes[index] = before
            isStateNew = hadState
            throw error
        }
        batches[index].remove(in: segment)
        try disk.unlink(segment.path)
    }

    /// Gives up what lies between a queue's two oldest gaps while it has more than there is room
    /// for.
    func giveUpExcess() {
        for index in lanes.indices {
            while let excess = lanes[index].gaps.excess {
                lose(index, from: excess.from, through: excess.through)
            }
        }
    }
}
