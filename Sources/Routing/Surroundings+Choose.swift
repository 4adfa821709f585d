internal import Ground

extension Surroundings {
    /// A peer, and whether the tier before it had no share left for the frame.
    struct Choice {
        var peer: Int
        var isSpill: Bool
    }

    /// The peer for the task's next call, or `nil` when none may be called.
    ///
    /// Each tier gets the share of frames that its healthy hosts can carry; the rest spills to the
    /// next one; the last that has anybody takes what is left.
    ///
    /// - Parameters:
    ///   - withNeighbours: nodes of the same tier and site come first.
    ///   - staysOnSite: nobody else may be asked.
    mutating func choose(
        task: Int, except: Int?, withNeighbours: Bool, staysOnSite: Bool, now: Instant
    ) -> Choice? {
        isAsking = false
        if withNeighbours, !courses[task].neighbours.isEmpty {
            gather(courses[task].neighbours, except: except, panics: false, now: now)
            candidates.removeAll { peers[$0.id].isFull(now: now) }
            if let peer = pick(task: task, place: 0) { return Choice(peer: peer, isSpill: false) }
        }
        askForTrials(
            task: task, withNeighbours: withNeighbours, staysOnSite: staysOnSite, now: now)
        guard !staysOnSite, let last = lastEligible(task: task, except: except, now: now) else {
            return nil
        }
        for level in 0...last {
            let isLast = level == last
            if !isLast, !holds(task: task, level: level, now: now) { continue }
            let panics = isLast && isInPanic(courses[task].levels[level], now: now)
            if isLast { notePanic(task: task, panics) }
            gather(courses[task].levels[level], except: except, panics: panics, now: now)
            if let peer = pick(task: task, place: level + 1) {
                return Choice(peer: peer, isSpill: level > 0)
            }
        }
        return nil
    }

    /// Whether any peer of the task, other than `except`, may be called now.
    func hasLivePeer(task: Int, except: Int?, now: Instant) -> Bool {
        courses[task].levels.contains { level in
            level.contains { $0 != except && isLive($0, panics: false, now: now) }
        }
    }

    /// Whether a peer is called when it is the nearest.
    ///
    /// - Parameter panics: takes no account of ejection and probes.
    func isLive(_ index: Int, panics: Bool, now: Instant) -> Bool {
        // Read in place: a peer is some hundred bytes, most of them its breaker's window.
        guard !peers[index].isDraining, peers[index].allows(now: now) else { return false }
        if peers[index].override == .closed || panics { return true }
        return peers[index].isWell && !outliers.isEjected(index)
    }

    // MARK: Tiers

    /// The highest tier that has anybody who could be called, ejected or not.
    @inline(__always)
    private func lastEligible(task: Int, except: Int?, now: Instant) -> Int? {
        courses[task].levels.lastIndex { level in
            let panics = isInPanic(level, now: now)
            return level.contains { $0 != except && isLive($0, panics: panics, now: now) }
        }
    }

    /// Draws whether a tier takes this frame: its share is its healthy part, and some more.
    private mutating func holds(task: Int, level: Int, now: Instant) -> Bool {
        let hosts = courses[task].levels[level]
        let healthy = hosts.count { isLive($0, panics: false, now: now) }
        let share = healthy * policy.overprovision
        guard share < hosts.count * 100 else { return true }
        return share > 0 && randomness.draw(below: hosts.count * 100) < share
    }

    private func isInPanic(_ hosts: [Int], now: Instant) -> Bool {
        guard hosts.count >= policy.panicHosts else { return false }
        let healthy = hosts.count { isLive($0, panics: false, now: now) }
        return healthy * 100 < hosts.count * policy.panicPercent
    }

    private mutating func notePanic(task: Int, _ panics: Bool) {
        guard courses[task].isPanicking != panics else { return }
        courses[task].isPanicking = panics
        changes.append(.panic(task: task, panics))
    }

    // MARK: Hosts

    private mutating func gather(_ hosts: [Int], except: Int?, panics: Bool, now: Instant) {
        candidates.removeAll(keepingCapacity: true)
        for index in hosts where index != except {
            candidates.append(
                NearestNode<Int>.Candidate(
                    id: index, distance: peers[index].nearness,
                    // One that was never called costs what the way costs, so that it is tried.
                    cost: peers[index].latency.cost(prior: peers[index].nearness, now: now),
                    pending: peers[index].pending + peers[index].reported(now: now),
                    isLive: isLive(index, panics: panics, now: now)))
        }
    }

    private mutating func pick(task: Int, place: Int) -> Int? {
        let chosen = courses[task].nearest[place].choose(among: candidates, random: &randomness)
        return chosen.map { candidates[$0].id }
    }
}
