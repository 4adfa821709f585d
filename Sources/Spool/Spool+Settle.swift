public import Ground

extension Spool {
    /// Most damaged segments that are kept: enough to see a pattern.
    static let mostQuarantined = 8

    /// Says that everything of `queue` up to `through` has arrived, or is not wanted any more. The
    /// cursor is durable on return; only then are segments unlinked. Settling again does nothing.
    ///
    /// - Throws: `invalid` for a number that is not durable here; what the disk says, and then
    ///   nothing is settled.
    public func settle(_ queue: SpoolQueue, through: UInt64) throws(Fault) {
        let index = Int(queue.rawValue)
        guard through > lanes[index].settled else { return }
        guard through <= lanes[index].committed else {
            throw Fault(
                .invalid,
                "\(through) of the queue '\(queue)' cannot be settled, the last one is "
                    + "\(lanes[index].committed)",
                remedy: "check that it is about this spool's epoch")
        }
        let before = lanes[index]
        lanes[index].dropped += before.found.count(in: (before.settled + 1)...through)
        lanes[index].found.settle(through: through)
        lanes[index].gaps.settle(through: through)
        lanes[index].settled = through
        if settings.planted.unlinksFirst {
            try forgetSettled(index)
            try disk.syncFolder(folder)
        }
        do throws(Fault) {
            try saveState()
        } catch {
            if !settings.planted.unlinksFirst { lanes[index] = before }
            throw error
        }
        try forgetSettled(index)
    }

    /// Removes segments of which all is settled; damaged ones are kept for a while. One that does
    /// not go is tried again the next time.
    func forgetSettled(_ index: Int) throws(Fault) {
        while let segment = lanes[index].segments.first,
            lanes[index].last(ofSegment: 0) <= lanes[index].settled,
            !(lanes[index].isActive && lanes[index].segments.count == 1)
        {
            if segment.isDamaged {
                try quarantine(segment)
            } else {
                try disk.unlink(segment.path)
            }
            lanes[index].segments.removeFirst()
        }
        reserve.restore()
    }

    /// Takes a segment out of its queue and keeps it for those who want to know what happened.
    func quarantine(_ segment: Segment) throws(Fault) {
        let path = "\(folder)/\(SegmentName.damaged(segment.name))"
        try disk.rename(segment.path, to: path)
        quarantined.append((path, segment.held))
        while let oldest = quarantined.first,
            quarantined.count > Self.mostQuarantined
                || quarantined.reduce(0, { $0 + $1.size }) > sizes.quarantine
        {
            try disk.unlink(oldest.path)
            quarantined.removeFirst()
        }
    }
}
