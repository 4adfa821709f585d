public import Ground

/// What a shard tells the other shards of its node, and hears from them.
extension Surroundings {
    /// Hears a message of shard `from`. One about a task or a peer that is not known here yet, or
    /// no more, means nothing: shards take a new topology one after the other.
    public mutating func hear(_ message: ShardMessage, from: Int, now: Instant) {
        defer { unheard = askers.count }
        switch message {
        case .ended(let peer, let attempt, let outcome, let expected):
            guard peers.indices.contains(peer) else { return }
            judge(attempt, at: peer, outcome, expected: expected, now: now)
        case .wantsTrial(let peer):
            guard peers.indices.contains(peer) else { return }
            giveTrial(of: peer, to: from, now: now)
        case .trial(let peer, let leave):
            guard peers.indices.contains(peer) else { return }
            peers[peer].breaker.give(leave)
        case .recallTrial(let peer):
            guard peers.indices.contains(peer),
                let leave = peers[peer].breaker.giveBackLeave()
            else { return }
            tellEnded(leave, at: peer, .rejected, now: now)
        case .breaker(let peer, let standing):
            guard peers.indices.contains(peer) else { return }
            peers[peer].breaker.follow(standing)
            if let until = standing.openUntil { standBack(from: peer, until: until) }
        case .ejected(let peer, let isOut):
            guard peers.indices.contains(peer) else { return }
            outliers.follow(peer, isOut: isOut)
        case .draining(let peer, let isDraining):
            guard peers.indices.contains(peer) else { return }
            setDraining(isDraining, peer: peer, from: from)
        case .wants(let source, let frames):
            sources.wants(source, frames, by: from, &letters)
        case .granted(let source, let frames, let asked):
            sources.granted(source, frames, of: asked, &letters)
        case .recall(let source, let all): sources.recalled(source, all: all, &letters)
        case .returned(let source, let frames, let isAnswer):
            sources.returned(source, frames, by: from, isAnswer: isAnswer, &letters)
        case .account(let task, let account):
            guard courses.indices.contains(task),
                let loan = courses[task].budget.lend(account, now: now)
            else { return }
            letters.append(Letter(to: from, message: .lent(task: task, loan)))
        case .lent(let task, let loan):
            if courses.indices.contains(task) { courses[task].budget.take(loan) }
        }
    }

    /// Letters since the last time.
    public mutating func takeLetters(_ body: (Letter) -> Void) {
        guard !letters.isEmpty else { return }
        for letter in letters { body(letter) }
        letters.removeAll(keepingCapacity: true)
    }

    /// Tells all shards that follow this one, but one.
    mutating func tellAll(_ message: ShardMessage, but: Int? = nil) {
        for shard in place.members where shard != but {
            letters.append(Letter(to: shard, message: message))
        }
    }

    /// Time passes: the owner hears of frames seen, and answers that did not come are asked for.
    mutating func settleLeases(now: Instant) {
        guard place.isMember else { return }
        for index in peers.indices { peers[index].breaker.mayAskAgain() }
        for task in courses.indices { tellAccount(of: task, isTick: true) }
    }

    /// Tells the owner what a task's budget has seen and wants.
    mutating func tellAccount(of task: Int, isTick: Bool = false) {
        guard place.isMember, let account = courses[task].budget.account(isTick: isTick) else {
            return
        }
        letters.append(Letter(to: 0, message: .account(task: task, account)))
    }

    mutating func tellEnded(
        _ attempt: CircuitBreaker.Attempt, at index: Int, _ outcome: AttemptOutcome, now: Instant
    ) {
        let expected = peers[index].expected(outcome, now: now)
        letters.append(
            Letter(to: 0, message: .ended(peer: index, attempt, outcome, expected: expected)))
    }

    // MARK: Peers

    /// Asks for leave to call peers whose open time is over, since there is a frame for them.
    mutating func askForTrials(
        task: Int, withNeighbours: Bool, staysOnSite: Bool, now: Instant
    ) {
        guard place.count > 1 else { return }
        if withNeighbours { askForTrials(of: courses[task].neighbours, now: now) }
        guard !staysOnSite else { return }
        for level in courses[task].levels { askForTrials(of: level, now: now) }
    }

    private mutating func askForTrials(of hosts: [Int], now: Instant) {
        for index in hosts where isWorthATrial(index) {
            if !place.isMember {
                if recallTrial(of: index, for: 0) { isAsking = true }
            } else if peers[index].breaker.asksForLeave(now: now) {
                isAsking = true
                letters.append(Letter(to: 0, message: .wantsTrial(peer: index)))
            }
        }
    }

    private func isWorthATrial(_ index: Int) -> Bool {
        !peers[index].isDraining && peers[index].isWell && peers[index].override == nil
            && !outliers.isEjected(index)
    }

    private mutating func giveTrial(of peer: Int, to shard: Int, now: Instant) {
        guard peers[peer].override != .open else { return }
        guard peers[peer].lent == nil else {
            recallTrial(of: peer, for: shard)
            return
        }
        guard let leave = peers[peer].breaker.admit(now: now), leave.isProbe else { return }
        peers[peer].lent = LentTrial(to: shard, epoch: leave.epoch)
        letters.append(Letter(to: shard, message: .trial(peer: peer, leave)))
    }

    /// Leave that another shard has is wanted by one whose frame waits for it: it is asked back,
    /// and comes unless it is in use.
    ///
    /// - Returns: whether that is news to the one who has it.
    @discardableResult
    private mutating func recallTrial(of peer: Int, for shard: Int) -> Bool {
        guard let lent = peers[peer].lent, lent.askedBack == nil, lent.to != shard else {
            return false
        }
        peers[peer].lent?.askedBack = shard
        letters.append(Letter(to: lent.to, message: .recallTrial(peer: peer)))
        return true
    }

    /// The call that leave was given for has ended, or it was given back unused: whoever wanted it
    /// gets it.
    mutating func trialEnded(
        _ attempt: CircuitBreaker.Attempt, at peer: Int, _ outcome: AttemptOutcome, now: Instant
    ) {
        // Not one that ends after it was taken for lost.
        guard let lent = peers[peer].lent, lent.epoch == attempt.epoch else { return }
        peers[peer].lent = nil
        if outcome == .rejected, let next = lent.askedBack, next > 0 {
            giveTrial(of: peer, to: next, now: now)
        }
    }

    /// A frame is not sent to see whether a dead node is back: a probe goes first.
    mutating func standBack(from peer: Int, until: Instant) {
        guard policy.probe != nil else { return }
        peers[peer].isWell = false
        peers[peer].probe.next = until
    }

    mutating func setDraining(_ isDraining: Bool, peer: Int, from: Int) {
        guard peers[peer].isDraining != isDraining else { return }
        peers[peer].isDraining = isDraining
        if place.isMember {
            if from == place.number {
                letters.append(Letter(to: 0, message: .draining(peer: peer, isDraining)))
            }
        } else {
            tellAll(.draining(peer: peer, isDraining), but: from)
        }
    }
}

/// Leave for one call past an open breaker that the owner has lent a member.
struct LentTrial: Sendable {
    let to: Int
    /// The breaker's, when it was given.
    let epoch: UInt64
    /// It was asked back, for this shard.
    var askedBack: Int?
}
