import Ground
import Testing

@testable import Routing

/// Shards that share the limits of sources, and the messages between them.
private struct Office {
    var shards: [Sources]
    var way: [[[ShardMessage]]]
    var random: Randomness
    var inside: [[FrameID]]
    var refused = 0
    /// Frames that wait, by shard.
    var waiting: [[FrameID]]
    private var next: UInt32 = 0
    var messages = 0

    init(shards count: Int, limit: Int?, seed: UInt64) {
        shards = (0..<count).map { Sources(ShardPlace($0, of: count)) }
        way = Array(repeating: Array(repeating: [], count: count), count: count)
        inside = Array(repeating: [], count: count)
        waiting = Array(repeating: [], count: count)
        random = Randomness(seed: seed)
        for shard in shards.indices { setLimit(limit, shard) }
    }

    mutating func setLimit(_ limit: Int?, _ shard: Int) {
        change(shard) { $0.setLimit(limit, of: 1, &$1) }
    }

    mutating func arrive(_ shard: Int) {
        next += 1
        let id = FrameID(slot: next, generation: 0)
        let arrival = Arrival(
            task: 0, mode: .wait, source: 1, deadline: .distantFuture, bytes: 1)
        switch change(shard, { $0.enter(id, arrival, &$1) }) {
        case .isIn: inside[shard].append(id)
        case .full: refused += 1
        case .waits: waiting[shard].append(id)
        }
        settle(shard)
    }

    mutating func end(_ shard: Int) {
        guard let id = inside[shard].popLast() else { return }
        _ = id
        change(shard) { $0.leave(1, &$1) }
        settle(shard)
    }

    /// The client of a frame that waits goes away.
    mutating func cancel(_ shard: Int) {
        guard let id = waiting[shard].last, shards[shard].withdraw(id) else { return }
        waiting[shard].removeLast()
    }

    /// One message arrives, of a random pair; false when none is on its way.
    mutating func deliver() -> Bool {
        let pairs = way.indices.flatMap { from in way.indices.map { (from, $0) } }
            .filter { !way[$0.0][$0.1].isEmpty }
        guard !pairs.isEmpty else { return false }
        let (from, to) = pairs[random.draw(below: pairs.count)]
        let message = way[from][to].removeFirst()
        messages += 1
        change(to) { sources, letters in
            switch message {
            case .wants(let source, let frames): sources.wants(source, frames, by: from, &letters)
            case .granted(let source, let frames, let asked):
                sources.granted(source, frames, of: asked, &letters)
            case .recall(let source, let all): sources.recalled(source, all: all, &letters)
            case .returned(let source, let frames, let isAnswer):
                sources.returned(source, frames, by: from, isAnswer: isAnswer, &letters)
            default: Issue.record("\(message)")
            }
        }
        settle(to)
        return true
    }

    @discardableResult
    private mutating func change<Result>(
        _ shard: Int, _ body: (inout Sources, inout [Letter]) -> Result
    ) -> Result {
        var letters: [Letter] = []
        let result = body(&shards[shard], &letters)
        for letter in letters { way[shard][letter.to].append(letter.message) }
        return result
    }

    private mutating func settle(_ shard: Int) {
        while let judged = shards[shard].takeJudged() {
            waiting[shard].removeAll { $0 == judged.id }
            if judged.isIn { inside[shard].append(judged.id) } else { refused += 1 }
        }
    }

    var count: Int { shards.reduce(0) { $0 + $1.count(of: 1) } }
    var waits: Int { waiting.reduce(0) { $0 + $1.count } }
}

@Suite struct SourcesTests {
    @Test func `One shard lets in what the limit says and sends no message`() {
        var office = Office(shards: 1, limit: 3, seed: 1)
        for _ in 0..<10 { office.arrive(0) }
        #expect(office.count == 3)
        #expect(office.refused == 7)
        office.end(0)
        office.arrive(0)
        #expect(office.count == 3)
        #expect(office.messages == 0)
    }

    @Test(arguments: 0..<60)
    func `Whatever the order of messages, a limit is never passed and all hear an answer`(
        _ seed: Int
    ) {
        var office = Office(shards: 2 + seed % 3, limit: 1 + seed % 17, seed: UInt64(seed))
        let limit = 1 + seed % 17
        for _ in 0..<4_000 {
            let shard = office.random.draw(below: office.shards.count)
            switch office.random.draw(below: 8) {
            case 0, 1, 2: office.arrive(shard)
            case 3, 4: office.end(shard)
            case 5: office.cancel(shard)
            default: _ = office.deliver()
            }
            #expect(office.count <= limit)
        }
        while office.deliver() {}
        #expect(office.waits == 0)
        #expect(office.count == office.inside.reduce(0) { $0 + $1.count })
    }

    @Test(arguments: 2...4)
    func `The whole limit is there for one loop, whoever held it before`(_ shards: Int) {
        var office = Office(shards: shards, limit: 40, seed: 3)
        for round in 0..<20 {
            let shard = round % shards
            for _ in 0..<100 { office.arrive(shard) }
            while office.deliver() {}
            #expect(office.inside[shard].count == 40, "round \(round)")
            #expect(office.refused == (round + 1) * 60)
            for _ in 0..<40 { office.end(shard) }
            while office.deliver() {}
        }
    }

    @Test func `Of a thousand frames on all loops just as many come in as may`() {
        for seed in 0..<20 {
            var office = Office(shards: 3, limit: 100, seed: UInt64(seed))
            for _ in 0..<1_000 {
                office.arrive(office.random.draw(below: 3))
                if office.random.draw(below: 3) == 0 { _ = office.deliver() }
            }
            while office.deliver() {}
            #expect(office.count == 100)
            #expect(office.refused == 900)
        }
    }

    @Test func `A source that comes steadily costs few messages`() {
        var office = Office(shards: 2, limit: 64, seed: 1)
        for _ in 0..<1_000 {
            office.arrive(1)
            while office.deliver() {}
            office.end(1)
        }
        #expect(office.refused == 0)
        #expect(office.messages < 10)
    }

    /// Loops take a new topology one after the other, with frames and messages in between.
    @Test(arguments: 0..<60)
    func `A new limit holds when the frames have ended that came before it`(_ seed: Int) {
        var office = Office(shards: 3, limit: 12, seed: UInt64(seed))
        let limits: [Int?] = [12, 3, nil, 5, nil, 20, 1, 7]
        for limit in limits {
            for shard in office.shards.indices {
                office.setLimit(limit, shard)
                for _ in 0..<office.random.draw(below: 30) { step(&office) }
            }
            for _ in 0..<200 { step(&office) }
            while office.deliver() {}
            // Who was in before may still be: let them end, and go on under load.
            for shard in office.shards.indices { for _ in 0..<60 { office.end(shard) } }
            while office.deliver() {}
            for _ in 0..<300 {
                step(&office)
                if let limit { #expect(office.count <= limit) }
            }
            while office.deliver() {}
            #expect(office.waits == 0)
        }
        for shard in office.shards.indices { for _ in 0..<2_000 { office.end(shard) } }
        while office.deliver() {}
        for _ in 0..<50 { office.arrive(seed % 3) }
        while office.deliver() {}
        #expect(office.count == 7)
    }

    private func step(_ office: inout Office) {
        let shard = office.random.draw(below: office.shards.count)
        switch office.random.draw(below: 5) {
        case 0, 1: office.arrive(shard)
        case 2: office.end(shard)
        default: _ = office.deliver()
        }
    }
}
