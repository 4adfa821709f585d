import Ground

/// What a spool holds, as far as it matters for room.
struct RoomView: Equatable, Sendable {
    /// Bytes of all its files.
    var held: Int
    /// Bytes of damaged segments that are kept.
    var quarantined: Int
    /// Each queue's segments, in the order of the queues.
    var queues: [Queue]

    struct Queue: Equatable, Sendable {
        var bytes: Int
        /// Whether any record in them is owed.
        var isOwed: Bool
    }
}

/// Who gives way when there is no room. PURE: a value in, a decision out.
struct RoomPolicy: Sendable {
    /// Bytes that all files together may have.
    let quota: Int

    enum Decision: Equatable, Sendable {
        /// There is room.
        case take
        /// Remove the damaged segment that is kept longest, and ask again.
        case forgetDamaged
        /// Remove the segment of a queue of which all is settled, and ask again.
        case release(SpoolQueue)
        /// Drop the oldest segment of a queue, and ask again.
        case drop(SpoolQueue)
        /// What comes is less than all that is here.
        case refuse
    }

    /// What to do for `need` more bytes of `queue`. `isDiskFull` when the disk has just refused
    /// them although the quota would not.
    ///
    /// The lowest queue gives way first, its oldest segment first; nothing gives way to a lower
    /// queue, and audit to nothing. Nothing is dropped for what would not fit all the same.
    func decide(
        _ need: Int, for queue: SpoolQueue, _ view: RoomView, isDiskFull: Bool = false
    ) -> Decision {
        if !isDiskFull && view.held + need <= quota { return .take }
        let yielding = SpoolQueue.allCases.filter { other in
            let held = view.queues[Int(other.rawValue)]
            return held.bytes > 0 && (!held.isOwed || (other <= queue && other != .audit))
        }
        let most = yielding.reduce(view.quarantined) {
            $0 + view.queues[Int($1.rawValue)].bytes
        }
        guard view.held - most + need <= quota else { return .refuse }
        if view.quarantined > 0 { return .forgetDamaged }
        if let idle = yielding.first(where: { !view.queues[Int($0.rawValue)].isOwed }) {
            return .release(idle)
        }
        return yielding.first.map { .drop($0) } ?? .refuse
    }
}
