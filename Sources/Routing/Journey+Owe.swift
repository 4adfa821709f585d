internal import Ground

extension Journey {
    /// Hands the frame to the spool where it is worth it, and waits to hear that it is safe there:
    /// a receipt is a promise, and only what is on disk can be promised. The client waits for that
    /// no longer than its deadline allows; it is then answered without a receipt.
    ///
    /// - Returns: whether the frame waits. Otherwise it ends as `give(up:)` says.
    mutating func owe(
        _ reason: DegradedReason, _ obstacle: OwePolicy.Obstacle, now: Instant,
        in world: inout Surroundings, _ effects: inout Effects
    ) -> Bool {
        guard let local, owed == nil,
            OwePolicy.owes(
                world.courses[arrival.task].keeps, isEntry: arrival.isEntry,
                mayTravel: arrival.mayTravel, failsClosed: world.courses[arrival.task].failsClosed,
                accepted: local.accepted, purpose: .escalation, obstacle: obstacle)
        else { return false }
        owed = reason
        effects.append(.owe(id, reason))
        guard now < lastMoment else { return false }
        // The client of a frame in `refine` mode has its first answer.
        if stage != .refining { stage = .waiting }
        return true
    }

    /// The spool has taken the frame, or has not.
    mutating func kept(
        in world: inout Surroundings, _ effects: inout Effects
    ) -> Bool {
        guard let owed, first == nil else { return true }
        return conclude(owed, in: &world, &effects)
    }

    /// Notes what the client was told last, once for each frame and where it entered the fleet:
    /// later tiers, retries, hedges and the answer to an owed frame make no second record.
    @inline(__always)
    func record(in world: inout Surroundings, _ effects: inout Effects) {
        guard arrival.isEntry, world.courses[arrival.task].keeps != .nothing else { return }
        effects.append(.record(id))
    }
}
