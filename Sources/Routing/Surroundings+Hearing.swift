public import Ground

/// What a node tells its surroundings outside of any journey.
extension Surroundings {
    /// A task's model came or went.
    public mutating func setModel(_ isThere: Bool, bar: Bar?, task: Int) {
        courses[task].hasModel = isThere
        if isThere { courses[task].bar = bar }
    }

    /// Another model is wanted for the task and cannot be had, or that is over. It counts from the
    /// first time that it is said, whatever is wanted meanwhile and however often the old one's
    /// engine ends and starts again.
    public mutating func setStale(_ isStale: Bool, task: Int, now: Instant) {
        if !isStale {
            courses[task].staleSince = nil
        } else if courses[task].staleSince == nil {
            courses[task].staleSince = now
        }
    }

    public mutating func setWorkers(_ count: Int) { admission.setWorkers(count) }

    public mutating func setAlone(_ isAlone: Bool, task: Int) {
        admission.setAlone(isAlone, task: task)
    }

    public mutating func setOverride(_ override: Peer.Override?, peer: Int) {
        peers[peer].override = override
    }

    public mutating func setDraining(_ isDraining: Bool, peer: Int) {
        setDraining(isDraining, peer: peer, from: place.number)
    }

    /// Sets how many frames a source may have under way on all shards; `nil` is no limit.
    public mutating func setLimit(_ limit: Int?, of source: Int) {
        sources.setLimit(limit, of: source, &letters)
    }

    /// Whether a frame may come in now, or when another shard has answered.
    public mutating func enter(_ id: FrameID, _ arrival: Arrival) -> Sources.Entry {
        sources.enter(id, arrival, &letters)
    }

    /// A frame whose wait for its source's turn is over, once.
    public mutating func takeJudged() -> Sources.Judged? { sources.takeJudged() }

    /// A frame of a source is over.
    public mutating func leave(_ source: Int) { sources.leave(source, &letters) }

    /// A frame that waits for its source's turn is not wanted any more; false when it does not
    /// wait.
    public mutating func withdraw(_ id: FrameID) -> Bool { sources.withdraw(id) }

    /// A worker has ended with a frame.
    public mutating func finish(_ id: FrameID, answered: Bool, now: Instant) {
        admission.finish(id, answered: answered, now: now)
    }

    /// The next frame that waits for another shard's leave and shall see whether it came, or `nil`.
    public mutating func takeAsker() -> FrameID? {
        guard unheard > 0, !askers.isEmpty else { return nil }
        unheard -= 1
        return askers.removeFirst()
    }

    /// The frame that had to give way to the last one that came, once.
    public mutating func takeDisplaced() -> FrameID? { admission.takeDisplaced() }

    /// The next frame that a worker is free for, or `nil`.
    public mutating func nextToBegin(now: Instant) -> FrameID? { admission.next(now: now) }

    /// What has changed since the last time.
    public mutating func takeChanges(_ body: (Change) -> Void) {
        guard !changes.isEmpty else { return }
        for change in changes { body(change) }
        changes.removeAll(keepingCapacity: true)
    }
}
