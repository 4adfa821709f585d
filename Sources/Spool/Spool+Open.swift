import Cryptography
import Ground

extension Spool {
    /// Takes up what is there.
    func open() throws(Fault) {
        let names = try disk.list(folder)
        let known = try state.read()
        let pages = try headers(names)
        // Without cursors nobody knows which numbers were given of a queue that has no segment:
        // what is here goes on as another spool, so that no number is given twice.
        epoch = known?.epoch ?? draw()
        try checkKey(pages)
        keepQuarantined(names)
        for queue in SpoolQueue.allCases {
            lanes.append(
                try lane(
                    queue, known?.queues[Int(queue.rawValue)], pages.filter { $0.queue == queue }))
        }
        reserve.restore()
        isFolderNew = true
        try saveFolder()
        try saveState()
        for index in lanes.indices { try forgetSettled(index) }
    }

    /// A segment that is there and what its first page says, `nil` when that is damaged.
    private struct Page {
        let queue: SpoolQueue
        let first: UInt64
        let header: SegmentHeader?
        let size: Int
    }

    /// Reads the first page of each segment, in the order of queues and numbers.
    private func headers(_ names: [String]) throws(Fault) -> [Page] {
        var pages: [Page] = []
        let page = Slab(capacity: SegmentHeader.size)
        let bytes = UnsafeMutableRawBufferPointer(start: page.base, count: SegmentHeader.size)
        for name in names {
            guard let (queue, first) = SegmentName.parse(name) else { continue }
            guard let file = try segmentFile(name) else { continue }
            // A page that cannot be read is damaged like one that is wrong.
            let count = (try? file.read(into: bytes, at: 0)) ?? 0
            var header: SegmentHeader?
            switch SegmentHeader.read(UnsafeRawBufferPointer(rebasing: bytes[..<count])) {
            case .header(let found) where found.queue == queue && found.first == first:
                header = found
            case .later(let version):
                throw StateFile.later(version, than: SegmentHeader.version)
            case .header, .damaged: break
            }
            pages.append(Page(queue: queue, first: first, header: header, size: file.size))
        }
        return pages.sorted { ($0.queue, $0.first) < ($1.queue, $1.first) }
    }

    /// Opens a segment; `nil` for what somebody put there under such a name and is no file.
    private func segmentFile(_ name: String) throws(Fault) -> (any SegmentFile)? {
        do throws(Fault) {
            return try disk.open("\(folder)/\(name)")
        } catch {
            guard error.code == .invalid || error.code == .forbidden else { throw error }
            return nil
        }
    }

    /// Sealed segments need the key that they were sealed with; to take them for damaged would
    /// lose them.
    private func checkKey(_ pages: [Page]) throws(Fault) {
        for page in pages {
            guard let sealing = page.header?.sealing else { continue }
            guard sealing.fingerprint == settings.key?.fingerprint else {
                throw Fault(
                    .precondition,
                    "\(folder)/\(SegmentName.make(page.queue, page.first)) is sealed with "
                        + (settings.key == nil ? "a key, and none is given" : "another key"),
                    remedy: "give the key that the spool was made with, or name another folder")
            }
        }
    }

    private func lane(
        _ queue: SpoolQueue, _ known: StateRecord.Queue?, _ pages: [Page]
    ) throws(Fault) -> Lane {
        let state = known ?? StateRecord.Queue()
        // A header knows how far its queue was settled when it was made: less than the cursor
        // says, and enough when that is lost.
        let settled = pages.reduce(state.settled) { max($0, $1.header?.settled ?? 0) }
        // A gap may be durable before the number behind it is.
        let least = max(state.next - 1, settled, state.gaps.gaps.last?.through ?? 0)
        var lane = Lane(
            queue: queue, settled: settled, issued: least, committed: least,
            dropped: state.dropped, gaps: state.gaps)
        lane.gaps.settle(through: settled)
        lane.segments = pages.map(segment)
        try close(&lane)
        return lane
    }

    private func segment(_ page: Page) -> Segment {
        let records: Segment.Records
        if let header = page.header {
            records = header.sealing.map { .sealed(segmentKey($0.salt)) } ?? .plain
        } else {
            records = settings.key == nil ? .plain : .unreadable
        }
        let segment = Segment(
            page.queue, first: page.first, folder: folder, epoch: page.header?.epoch ?? epoch,
            records: records, size: page.size)
        segment.end = page.size
        segment.isDamaged = page.header == nil
        return segment
    }

    /// Finds where each queue ends. Nothing is ever written behind what was there before: a new
    /// segment begins with the next record.
    private func close(_ lane: inout Lane) throws(Fault) {
        let durable = lane.issued
        while let segment = lane.segments.last {
            let file = try disk.open(segment.path)
            let window = SegmentWindow(file, limit: segment.size) { [state] in state.isReadable }
            let gaps = lane.gaps
            let tail = try SegmentScan.tail(segment, window, planted: settings.planted) {
                gaps.missing(in: $0)
            }
            guard tail.next > segment.first else {
                // It was made, and nothing was written: its name is free for the next one.
                try disk.unlink(segment.path)
                lane.segments.removeLast()
                lane.issued = max(lane.issued, segment.first - 1)
                continue
            }
            for gap in tail.gaps where lane.gaps.gaps.count < GapList.limit {
                let fresh = lane.gaps.add(gap)
                if gap.reason == .damaged { lane.dropped += fresh }
                segment.isDamaged = segment.isDamaged || gap.reason == .damaged
            }
            if tail.used < segment.size { try? cut(segment, file, to: tail.used) }
            // What a process wrote that was killed is in the memory of the machine only.
            try file.sync()
            // Behind it was another, of which nothing was written: what is missing between them was
            // on its way as well.
            let from = max(tail.next, durable + 1)
            if from <= lane.issued, lane.gaps.gaps.count < GapList.limit {
                lane.gaps.add(SpoolGap(from: from, through: lane.issued, reason: .unfinished))
            }
            lane.issued = max(lane.issued, tail.next - 1)
            break
        }
        lane.committed = lane.issued
        lane.gaps.settle(through: lane.settled)
    }

    /// Gives the room behind a segment's last record back.
    func cut(_ segment: Segment, _ file: any SegmentFile, to bytes: Int) throws(Fault) {
        try file.truncate(bytes)
        segment.size = bytes
        segment.end = bytes
    }

    /// A segment's own key.
    func segmentKey(_ salt: [UInt8]) -> SealingKey {
        settings.key!.derived("canopy spool segment", salt: salt)
    }

    private func keepQuarantined(_ names: [String]) {
        for name in names where SegmentName.isDamaged(name) {
            let path = "\(folder)/\(name)"
            let size = (try? disk.open(path).size) ?? 0
            quarantined.append((path, SpoolSizes.pages(size)))
        }
    }
}
