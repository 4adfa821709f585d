import Cryptography
public import Ground

extension Spool {
    /// Bytes that sealing adds to a record.
    var sealOverhead: Int { Seal.overhead }

    /// Makes all that was appended durable: its bytes, the names of its segments, and the gaps.
    ///
    /// When a disk fails to take it, it is written once more, elsewhere, since after a failed sync
    /// nobody knows what the disk has. When that fails too, all of it still waits: commit again.
    ///
    /// - Throws: what the disk says.
    public func commit() throws(Fault) {
        let isWaiting = lanes.contains { $0.committed < $0.issued }
        guard isWaiting || isStateNew || isFolderNew else { return }
        do throws(Fault) {
            return try tryCommit()
        } catch {
            mustMove = true
        }
        do throws(Fault) {
            try tryCommit()
        } catch {
            mustMove = true
            throw error
        }
    }

    private func tryCommit() throws(Fault) {
        let left = mustMove ? try move() : nil
        for index in lanes.indices { try write(index) }
        try saveFolder()
        for index in lanes.indices { finish(index) }
        mustMove = left != nil
        giveUpExcess()
        if isStateNew { try saveState() }
        if let left { throw left }
    }

    /// Forgets what is durable now.
    private func finish(_ index: Int) {
        for entry in batches[index].entries where entry.segment !== lanes[index].active {
            entry.segment?.file = nil
        }
        batches[index].clearSeated()
        let waiting = batches[index].entries.first?.sequence ?? lanes[index].issued + 1
        lanes[index].committed = max(lanes[index].committed, waiting - 1)
    }

    /// Writes a lane's batch, segment by segment, each durable before the next is begun.
    private func write(_ index: Int) throws(Fault) {
        let entries = batches[index].entries
        var start = 0
        while start < entries.count {
            guard let segment = entries[start].segment else {
                start += 1
                continue
            }
            var end = start
            while end < entries.count, entries[end].segment === segment { end += 1 }
            guard let file = segment.file else {
                throw Fault(.inner, "\(segment.path) was closed before it was written")
            }
            try BatchWriter.write(entries[start..<end], of: batches[index], to: segment, file)
            try file.sync()
            start = end
        }
    }

    /// Takes what waits out of the segments that failed, and finds it room in new ones; a fault for
    /// audit records that have none and go on waiting.
    private func move() throws(Fault) -> Fault? {
        var left: Fault?
        for index in lanes.indices where !batches[index].isEmpty {
            try abandon(index)
            let issued = lanes[index].issued
            // Numbers stay, and a segment is named by the first that it holds.
            defer { lanes[index].issued = issued }
            while let next = batches[index].entries.firstIndex(where: { $0.segment == nil }) {
                let entry = batches[index].entries[next]
                lanes[index].issued = entry.sequence - 1
                let framed = framed(entry.length)
                if let segment = try seat(index, framed) {
                    lanes[index].issued = entry.sequence
                    batches[index].seat(entry.sequence, segment)
                    segment.end += framed
                } else if lanes[index].queue == .audit {
                    left = auditFault(framed)
                    break
                } else {
                    lanes[index].issued = entry.sequence
                    batches[index].remove(entry.sequence)
                    lose(index, from: entry.sequence, through: entry.sequence)
                }
            }
        }
        return left
    }

    /// Cuts what waits off the segments it was to go to; those that hold nothing else go.
    private func abandon(_ index: Int) throws(Fault) {
        lanes[index].isActive = false
        for entry in batches[index].entries {
            guard let segment = entry.segment else { continue }
            if segment.first == entry.sequence {
                try disk.unlink(segment.path)
                lanes[index].segments.removeAll { $0 === segment }
            } else if let file = segment.file, segment.end > entry.offset {
                try? cut(segment, file, to: entry.offset)
                segment.end = entry.offset
            }
        }
        batches[index].unseat()
    }
}
