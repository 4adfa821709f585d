/// Frames under way by who sent them, each source within a limit of its own, so that no tenant and
/// no leaf starves another. A limit is one for all shards of the node: the owner keeps a
/// `SourceLedger`, the others lease of it. A frame for which nothing is at hand waits one question
/// to the owner, and is let in or refused by its answer.
public struct Sources: Sendable {
    /// What becomes of a frame that comes.
    public enum Entry: Sendable { case isIn, full, waits }

    /// A frame whose wait is over.
    public struct Judged: Sendable {
        public let id: FrameID
        public let arrival: Arrival
        public let isIn: Bool
    }

    private struct Waiting: Sendable {
        var id: FrameID
        var arrival: Arrival
    }

    private struct Source: Sendable {
        var limit: Int?
        var count = 0
        /// Of a member: frames that it may have under way.
        var leased = 0
        /// Of a member: it gives back what it has leased, as frames end.
        var givesBack = false
        var waiting: [Waiting] = []
        /// How many of `waiting`, from the first, the question under way is for.
        var covered = 0
        var isAsking = false
        /// Of an owner with members.
        var ledger: SourceLedger?
    }

    private let place: ShardPlace
    /// Source 0 is whoever is not known by name.
    private var all = [Source()]
    private var judged: [Judged] = []
    private var waitingCount = 0

    public init(_ place: ShardPlace = .alone) { self.place = place }

    /// Sources that are known.
    public var count: Int { all.count }

    /// Frames of a source under way here.
    public func count(of source: Int) -> Int { source < all.count ? all[source].count : 0 }

    /// Frames that a source may have under way at once, on all shards; `nil` is no limit.
    public func limit(of source: Int) -> Int? { source < all.count ? all[source].limit : nil }

    /// Counts a frame in, or says that its source has as many as it may. One that waits is counted
    /// when it is judged.
    mutating func enter(_ id: FrameID, _ arrival: Arrival, _ letters: inout [Letter]) -> Entry {
        let source = arrival.source
        grow(to: source)
        guard place.count > 1 else {
            if let limit = all[source].limit, all[source].count >= limit { return .full }
            all[source].count += 1
            return .isIn
        }
        if isFree(source) {
            all[source].count += 1
            return .isIn
        }
        all[source].waiting.append(Waiting(id: id, arrival: arrival))
        waitingCount += 1
        ask(source, &letters)
        return .waits
    }

    /// A frame is over.
    mutating func leave(_ source: Int, _ letters: inout [Letter]) {
        all[source].count -= 1
        guard place.count > 1 else { return }
        if !place.isMember {
            returned(source, 1, by: 0, isAnswer: false, &letters)
        } else if all[source].givesBack {
            giveBack(source, isAnswer: false, &letters)
        } else {
            admit(source)
        }
    }

    /// A frame that waits is not wanted any more; false when it does not wait.
    mutating func withdraw(_ id: FrameID) -> Bool {
        guard waitingCount > 0 else { return false }
        for source in all.indices {
            guard let index = all[source].waiting.firstIndex(where: { $0.id == id }) else {
                continue
            }
            all[source].waiting.remove(at: index)
            waitingCount -= 1
            if index < all[source].covered { all[source].covered -= 1 }
            return true
        }
        return false
    }

    /// A frame whose wait is over, once.
    mutating func takeJudged() -> Judged? { judged.isEmpty ? nil : judged.removeFirst() }

    /// Sets a source's limit; who is under way stays counted.
    mutating func setLimit(_ limit: Int?, of source: Int, _ letters: inout [Letter]) {
        grow(to: source)
        let old = all[source].limit
        all[source].limit = limit
        guard place.count > 1, old != limit else { return }
        if place.isMember {
            limitChanged(source, from: old, &letters)
        } else {
            recallIfOverdrawn(source, &letters)
        }
    }

    private mutating func grow(to source: Int) {
        while all.count <= source {
            all.append(Source())
            if place.count > 1, !place.isMember {
                all[all.count - 1].ledger = SourceLedger(shards: place.count)
            }
        }
    }

    /// Takes a place that is at hand.
    private mutating func isFree(_ source: Int) -> Bool {
        let limit = all[source].limit
        guard place.isMember else { return all[source].ledger?.takeOwn(limit) ?? true }
        guard limit != nil else { return true }
        return all[source].count < all[source].leased && all[source].waiting.isEmpty
    }

    private mutating func ask(_ source: Int, _ letters: inout [Letter]) {
        guard !all[source].isAsking, !all[source].waiting.isEmpty else { return }
        let frames = all[source].waiting.count
        all[source].isAsking = true
        all[source].covered = frames
        if place.isMember {
            letters.append(Letter(to: 0, message: .wants(source: source, frames: frames)))
        } else {
            wants(source, frames, by: 0, &letters)
        }
    }

    // MARK: A member

    private mutating func limitChanged(
        _ source: Int, from old: Int?, _ letters: inout [Letter]
    ) {
        if old == nil {
            all[source].leased = all[source].count
            tellReturned(source, -all[source].count, isAnswer: false, &letters)
        } else if all[source].limit == nil {
            tellReturned(source, all[source].leased, isAnswer: false, &letters)
            all[source].leased = 0
            all[source].givesBack = false
            all[source].covered = 0
            while !all[source].waiting.isEmpty { judgeFirst(source, isIn: true) }
        }
    }

    /// The owner's answer.
    mutating func granted(
        _ source: Int, _ frames: Int, of asked: Int, _ letters: inout [Letter]
    ) {
        grow(to: source)
        all[source].isAsking = false
        guard all[source].limit != nil else {
            // The limit went while the answer was on its way.
            return tellReturned(source, frames, isAnswer: false, &letters)
        }
        all[source].leased += frames
        admit(source)
        if frames < asked {
            while all[source].covered > 0 { judgeFirst(source, isIn: false) }
        }
        all[source].covered = 0
        ask(source, &letters)
    }

    mutating func recalled(_ source: Int, all isAll: Bool, _ letters: inout [Letter]) {
        grow(to: source)
        if isAll { all[source].givesBack = true }
        giveBack(source, isAnswer: !isAll, &letters)
    }

    /// Gives back what is not in use.
    private mutating func giveBack(
        _ source: Int, isAnswer: Bool, _ letters: inout [Letter]
    ) {
        let idle = all[source].limit == nil ? 0 : all[source].leased - all[source].count
        all[source].leased -= idle
        if all[source].leased == 0 { all[source].givesBack = false }
        if idle > 0 || isAnswer { tellReturned(source, idle, isAnswer: isAnswer, &letters) }
    }

    private func tellReturned(
        _ source: Int, _ frames: Int, isAnswer: Bool, _ letters: inout [Letter]
    ) {
        guard frames != 0 || isAnswer else { return }
        letters.append(
            Letter(
                to: 0, message: .returned(source: source, frames: frames, isAnswer: isAnswer)))
    }

    private mutating func admit(_ source: Int) {
        while all[source].count < all[source].leased, !all[source].waiting.isEmpty {
            judgeFirst(source, isIn: true)
        }
    }

    private mutating func judgeFirst(_ source: Int, isIn: Bool) {
        let first = all[source].waiting.removeFirst()
        waitingCount -= 1
        if isIn { all[source].count += 1 }
        if all[source].covered > 0 { all[source].covered -= 1 }
        judged.append(Judged(id: first.id, arrival: first.arrival, isIn: isIn))
    }

    // MARK: The owner

    mutating func wants(
        _ source: Int, _ frames: Int, by shard: Int, _ letters: inout [Letter]
    ) {
        change(source, &letters) { ledger, limit, grant, recall in
            ledger.wants(shard, frames, limit, grant: grant, recall: recall)
        }
    }

    mutating func returned(
        _ source: Int, _ frames: Int, by shard: Int, isAnswer: Bool, _ letters: inout [Letter]
    ) {
        change(source, &letters) { ledger, limit, grant, recall in
            ledger.returned(
                shard, frames, isAnswer: isAnswer, limit, grant: grant, recall: recall)
        }
        // Frames that came in while there was no limit.
        if frames < 0 { recallIfOverdrawn(source, &letters) }
    }

    private func recallIfOverdrawn(_ source: Int, _ letters: inout [Letter]) {
        guard all[source].ledger?.isOverdrawn(all[source].limit) == true else { return }
        for shard in place.members {
            letters.append(Letter(to: shard, message: .recall(source: source, all: true)))
        }
    }

    private mutating func change(
        _ source: Int, _ letters: inout [Letter],
        _ body: (inout SourceLedger, Int?, (Int, Int, Int) -> Void, (Int) -> Void) -> Void
    ) {
        grow(to: source)
        // Taken out, so that it is changed where it lies.
        guard var ledger = all[source].ledger.take() else { return }
        var sent: [Letter] = []
        var own: [(given: Int, asked: Int)] = []
        body(&ledger, all[source].limit) { shard, given, asked in
            guard shard > 0 else { return own.append((given, asked)) }
            sent.append(
                Letter(
                    to: shard, message: .granted(source: source, frames: given, asked: asked)))
        } _: { shard in
            sent.append(Letter(to: shard, message: .recall(source: source, all: false)))
        }
        all[source].ledger = ledger
        letters.append(contentsOf: sent)
        for answer in own { grantedHere(source, answer.given, of: answer.asked, &letters) }
    }

    /// The owner's answer to itself.
    private mutating func grantedHere(
        _ source: Int, _ frames: Int, of asked: Int, _ letters: inout [Letter]
    ) {
        all[source].isAsking = false
        var left = frames
        while left > 0, !all[source].waiting.isEmpty {
            judgeFirst(source, isIn: true)
            left -= 1
        }
        if frames < asked {
            while all[source].covered > 0 { judgeFirst(source, isIn: false) }
        }
        all[source].covered = 0
        // For frames that are not wanted any more.
        if left > 0 { returned(source, left, by: 0, isAnswer: false, &letters) }
        ask(source, &letters)
    }
}
