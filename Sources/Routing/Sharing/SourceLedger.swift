/// The owner's book on one source: how many frames of it each shard may have under way.
///
/// What is lent never exceeds the limit. Before a frame is refused everybody is asked for what he
/// does not use: nothing is refused while a place lay idle through the whole question. A limit that
/// was lowered below what is under way holds again when those frames have ended.
struct SourceLedger: Sendable {
    private struct Ask: Sendable {
        var shard: Int
        var frames: Int
    }

    /// By shard: frames that it may have under way; the owner's own are lent to itself.
    private(set) var lent: [Int]
    private var asks: [Ask] = []
    /// Asks, from the first, that the present round of recalls is for.
    private var judged = 0
    /// Members that have not answered it yet.
    private var awaited = 0

    init(shards: Int) { lent = Array(repeating: 0, count: shards) }

    private var total: Int { lent.reduce(0, +) }

    /// Leases beyond what is needed are so much of a limit, so that a source that comes steadily
    /// asks seldom. An eighth: a small limit is not scattered in pieces that nobody uses.
    private static let spare = 8

    private func free(_ limit: Int?) -> Int { limit.map { $0 - total } ?? .max / 2 }

    /// Takes one place for a frame of the owner itself; false when it must ask.
    mutating func takeOwn(_ limit: Int?) -> Bool {
        guard asks.isEmpty, free(limit) > 0 else { return false }
        lent[0] += 1
        return true
    }

    mutating func wants(
        _ shard: Int, _ frames: Int, _ limit: Int?, grant: (Int, Int, Int) -> Void,
        recall: (Int) -> Void
    ) {
        let room = free(limit)
        if asks.isEmpty, room >= frames {
            let spare = shard == 0 ? 0 : min(room - frames, (limit ?? 0) / Self.spare)
            lent[shard] += frames + spare
            return grant(shard, frames + spare, frames)
        }
        if let last = asks.indices.last, last >= judged, asks[last].shard == shard {
            asks[last].frames += frames
        } else {
            asks.append(Ask(shard: shard, frames: frames))
        }
        if judged == 0 { beginRound(limit, grant: grant, recall: recall) }
    }

    mutating func returned(
        _ shard: Int, _ frames: Int, isAnswer: Bool, _ limit: Int?,
        grant: (Int, Int, Int) -> Void, recall: (Int) -> Void
    ) {
        lent[shard] -= frames
        guard isAnswer, awaited > 0 else { return }
        awaited -= 1
        if awaited == 0 { judge(limit, grant: grant, recall: recall) }
    }

    /// Whether more is lent than the limit has.
    func isOverdrawn(_ limit: Int?) -> Bool { free(limit) < 0 }

    private mutating func beginRound(
        _ limit: Int?, grant: (Int, Int, Int) -> Void, recall: (Int) -> Void
    ) {
        judged = asks.count
        let onlyAsker = asks.allSatisfy { $0.shard == asks[0].shard } ? asks[0].shard : 0
        for shard in lent.indices.dropFirst() where lent[shard] > 0 && shard != onlyAsker {
            awaited += 1
            recall(shard)
        }
        if awaited == 0 { judge(limit, grant: grant, recall: recall) }
    }

    private mutating func judge(
        _ limit: Int?, grant: (Int, Int, Int) -> Void, recall: (Int) -> Void
    ) {
        let round = asks.prefix(judged)
        asks.removeFirst(judged)
        judged = 0
        for ask in round {
            let given = min(max(free(limit), 0), ask.frames)
            lent[ask.shard] += given
            grant(ask.shard, given, ask.frames)
        }
        if !asks.isEmpty { beginRound(limit, grant: grant, recall: recall) }
    }
}
