import Ground
import Node
import Testing

@testable import Routing

/// A node of several shards, whose messages arrive when the test says so.
private struct TestShards {
    var shards: [Node]
    var now = Instant(nanoseconds: 1_000_000_000)
    /// From shard to shard.
    var way: [[[ShardMessage]]]
    var calls: [(shard: Int, id: FrameID, call: PeerCall)] = []
    var changes: [(shard: Int, change: Change)] = []
    var probes: [(shard: Int, peer: Int, number: UInt32)] = []
    var refusals: [Refusal] = []
    var replies: [Verdict] = []
    var alarms: [FrameID: Instant] = [:]
    var owed: [FrameID] = []
    var messages = 0

    init(
        _ count: Int = 2, peers: Int = 1, policy adjust: (inout Policy) -> Void = { _ in },
        course change: (inout Course) -> Void = { _ in }
    ) {
        let start = now
        shards = (0..<count).map { number in
            let alone = Surroundings.forTests(peers: peers, start: start, change, adjust)
            return Node(
                Surroundings(
                    courses: alone.courses, peers: alone.peers, policy: alone.policy,
                    place: ShardPlace(number, of: count),
                    randomness: Randomness(seed: UInt64(number)), now: start))
        }
        way = Array(repeating: Array(repeating: [], count: count), count: count)
    }

    mutating func hear(_ event: Event, _ shard: Int) {
        var effects = Effects()
        shards[shard].on(event, now: now, into: &effects)
        for effect in effects.list {
            switch effect {
            case .call(let id, let call): calls.append((shard, id, call))
            case .noted(let change): changes.append((shard, change))
            case .probe(let peer, let number, _): probes.append((shard, peer, number))
            case .refuse(_, let refusal): refusals.append(refusal)
            case .reply(_, let verdict): replies.append(verdict)
            case .arm(let id, let moment): alarms[id] = moment
            case .owe(let id, _): owed.append(id)
            case .tell(let letter):
                messages += 1
                way[shard][letter.to].append(letter.message)
            default: break
            }
        }
    }

    /// All messages arrive, and those that they lead to.
    mutating func deliver() {
        var isAny = true
        while isAny {
            isAny = false
            for from in way.indices {
                for to in way.indices where !way[from][to].isEmpty {
                    isAny = true
                    hear(.told(from: from, way[from][to].removeFirst()), to)
                }
            }
        }
    }

    /// A frame that is forwarded, since there is no model.
    @discardableResult
    mutating func arrive(
        _ shard: Int, source: Int = 0, deadline: Interval = .seconds(1)
    ) -> FrameID? {
        guard let id = shards[shard].admit() else { return nil }
        hear(
            .arrived(
                id,
                Arrival(
                    task: 0, mode: .wait, source: source, deadline: now + deadline, bytes: 100)),
            shard)
        return id
    }

    /// A frame whose call fails at once.
    mutating func fail(_ shard: Int) {
        let before = calls.count
        arrive(shard)
        while calls.count > before, let last = calls.popLast() {
            hear(.frame(last.id, .failed(attempt: last.call.attempt, .unreachable)), last.shard)
        }
    }

    /// Time passes; all probes are answered or not.
    mutating func pass(_ time: Interval, isWell: Bool = true) {
        let end = now + time
        while now < end {
            now = now + Node.tick
            for shard in shards.indices {
                hear(.tick, shard)
                deliver()
                for probe in probes {
                    let (peer, number) = (probe.peer, probe.number)
                    hear(.probed(peer: peer, number: number, isWell: isWell), probe.shard)
                }
                probes = []
                deliver()
            }
        }
    }

    func state(_ shard: Int) -> CircuitBreaker.State {
        shards[shard].peers[0].breaker.state(now: now)
    }
}

@Suite struct SharingTests {
    @Test func `One shard sends no message, whatever happens to it`() {
        var node = TestShards(1)
        node.hear(.sourceLimit(source: 1, 1), 0)
        node.arrive(0, source: 1)
        node.arrive(0, source: 1)
        for _ in 0..<20 { node.fail(0) }
        node.hear(.peerDraining(peer: 0, true), 0)
        node.pass(.seconds(30))
        #expect(node.messages == 0)
        #expect(node.refusals.contains(.quota))
    }

    @Test(arguments: [0, 1, 2])
    func `A breaker that opens by one loop's calls stops the others within one message`(
        _ shard: Int
    ) {
        var node = TestShards(3)
        for _ in 0..<5 {
            node.fail(shard)
            node.deliver()
        }
        #expect((0..<3).allSatisfy { node.state($0) == .open })
        for other in 0..<3 { node.arrive(other) }
        #expect(node.calls.isEmpty)
        // It is told once, by the shard that judges.
        let told = node.changes.filter { $0.change == .breaker(peer: 0, .open) }
        #expect(told.count == 1)
        #expect(told.first?.shard == 0)
    }

    @Test func `Failures of all loops count together`() {
        var node = TestShards(3)
        for number in 0..<5 {
            #expect(node.state(0) == .closed)
            node.fail(number % 3)
            node.deliver()
        }
        #expect((0..<3).allSatisfy { node.state($0) == .open })
    }

    @Test func `One call at a time sees whether a peer is back, and one verdict goes to all`() {
        var node = TestShards(3)
        for _ in 0..<5 { node.fail(0) }
        node.deliver()
        node.pass(.seconds(2))
        // Everybody has frames and asks: one gets leave.
        for shard in [1, 2, 1, 2, 0] { node.arrive(shard) }
        node.deliver()
        for shard in [1, 2, 0, 1, 2] { node.arrive(shard) }
        node.deliver()
        #expect(node.calls.count == 1)
        let trial = node.calls[0]
        node.hear(.frame(trial.id, .answered(attempt: 1, accepted: true)), trial.shard)
        node.deliver()
        #expect((0..<3).allSatisfy { node.state($0) == .closed })
        // The two that waited for leave need none now, nor do those that come.
        #expect(node.calls.count == 3)
        for shard in 0..<3 { node.arrive(shard) }
        #expect(node.calls.count == 6)
    }

    @Test func `A neighbour that may be back is tried by whatever loop has frames`() {
        var node = TestShards(
            2,
            course: { course in
                course.levels = []
                course.neighbours = [0]
            })
        for _ in 0..<5 { node.fail(1) }
        node.deliver()
        #expect((0..<2).allSatisfy { node.state($0) == .open })
        node.pass(.seconds(2))
        node.arrive(1)
        node.deliver()
        #expect(node.calls.map(\.shard) == [1])
    }

    @Test(arguments: [0, 1, 2])
    func `The first frame calls a peer that is back, on whatever loop it is`(_ shard: Int) {
        var node = TestShards(3)
        for _ in 0..<5 { node.fail(2) }
        node.deliver()
        node.pass(.seconds(2))
        node.arrive(shard)
        node.deliver()
        #expect(node.calls.map(\.shard) == [shard])
        #expect(node.refusals.count == 5)
    }

    @Test(arguments: [0, 1, 2])
    func `Leave that a loop has no use for is there for the first frame of another`(_ shard: Int) {
        var node = TestShards(3, peers: 3)
        for _ in 0..<20 { node.fail(0) }
        node.deliver()
        #expect(node.shards[0].peers.allSatisfy { $0.breaker.state(now: node.now) == .open })
        node.pass(.seconds(2))
        // It asks for all peers, and calls one.
        node.arrive(1)
        node.deliver()
        #expect(node.calls.map(\.shard) == [1])
        node.pass(.milliseconds(250))
        node.arrive(shard)
        node.deliver()
        #expect(node.calls.map(\.shard) == [1, shard])
        #expect(node.calls[0].call.peer != node.calls[1].call.peer)
    }

    @Test func `A frame waits for leave some milliseconds, and is answered without it`() throws {
        var node = TestShards(2)
        for _ in 0..<5 { node.fail(1) }
        node.deliver()
        node.pass(.seconds(2))
        node.refusals = []
        let arrived = node.arrive(1)
        let id = try #require(arrived)
        #expect(node.refusals.isEmpty)
        #expect(node.shards[1].isAsking(id))
        node.now = node.now + Journey.askingPatience
        node.hear(.frame(id, .timer), 1)
        #expect(!node.shards[1].isAsking(id))
        #expect(node.refusals == [.unavailable])
        #expect(node.shards[1].frames == 0)
        // The leave that came too late is there for the next one, on whatever loop.
        node.deliver()
        #expect(node.calls.isEmpty)
        node.arrive(0)
        node.deliver()
        #expect(node.calls.map(\.shard) == [0])
    }

    @Test func `A frame that got no leave and is owed has its last moment all the same`() throws {
        var node = TestShards(2, course: { $0.keeps = .resultsAndFrames })
        for _ in 0..<5 { node.fail(1) }
        node.deliver()
        node.pass(.seconds(2))
        node.hear(.modelReady(task: 0, bar: Bar(0.9)), 1)
        let arrived = node.arrive(1)
        let id = try #require(arrived)
        let lastMoment = node.alarms[id]
        node.hear(.frame(id, .inferred(Confidence(0.5))), 1)
        node.now = try #require(node.alarms[id])
        #expect(node.now < lastMoment!)
        node.hear(.frame(id, .timer), 1)
        #expect(node.owed == [id] && node.replies.isEmpty)
        // The spool says nothing, and the client does not wait for it.
        #expect(node.alarms[id] == lastMoment)
        node.now = lastMoment!
        node.hear(.frame(id, .timer), 1)
        #expect(node.replies.map(\.degraded) == [.upstreamDown])
    }

    @Test func `Leave that comes when there is no time for a call is not used`() throws {
        var node = TestShards(2)
        for _ in 0..<5 { node.fail(1) }
        node.deliver()
        node.pass(.seconds(2))
        node.refusals = []
        let arrived = node.arrive(1, deadline: .milliseconds(4))
        let id = try #require(arrived)
        node.now = node.now + .microseconds(3_500)
        node.deliver()
        #expect(node.calls.isEmpty)
        node.hear(.frame(id, .timer), 1)
        #expect(node.refusals.count == 1)
    }

    @Test func `A trial that is taken for lost does not end the one that was let go after it`() {
        var node = TestShards(2, policy: { $0.breaker.longestOpenTime = .seconds(1) })
        for _ in 0..<5 { node.fail(0) }
        node.deliver()
        node.pass(.seconds(2))
        node.arrive(0)
        #expect(node.calls.map(\.shard) == [0])
        node.pass(.milliseconds(1_250))
        node.arrive(1)
        node.deliver()
        #expect(node.calls.map(\.shard) == [0, 1])
        node.hear(.frame(node.calls[0].id, .failed(attempt: 1, .unreachable)), 0)
        node.arrive(0)
        node.deliver()
        #expect(node.calls.count == 2)
        node.hear(.frame(node.calls[1].id, .answered(attempt: 1, accepted: true)), 1)
        node.deliver()
        #expect(node.state(0) == .closed && node.state(1) == .closed)
    }

    @Test func `A frame whose client goes while it waits for leave is forgotten`() throws {
        var node = TestShards(2)
        for _ in 0..<5 { node.fail(1) }
        node.deliver()
        node.pass(.seconds(2))
        let arrived = node.arrive(1)
        let id = try #require(arrived)
        node.hear(.frame(id, .cancelled), 1)
        #expect(node.shards[1].frames == 0)
        node.deliver()
        #expect(node.calls.isEmpty)
    }

    @Test func `A failed trial keeps all loops away for longer`() {
        var node = TestShards(2)
        for _ in 0..<5 { node.fail(1) }
        node.deliver()
        node.pass(.seconds(2))
        node.arrive(1)
        node.deliver()
        let trial = node.calls[0]
        node.hear(.frame(trial.id, .failed(attempt: 1, .unreachable)), 1)
        node.deliver()
        #expect(node.state(0) == .open)
        #expect(node.state(1) == .open)
        node.pass(.seconds(1))
        #expect(node.state(1) == .open)
    }

    @Test func `What one loop hears of a peer's drain is known to all`() {
        var node = TestShards(3)
        for shard in [1, 0, 2] {
            node.hear(.peerDraining(peer: 0, true), shard)
            node.deliver()
            #expect(node.shards.allSatisfy { $0.peers[0].isDraining })
            node.hear(.peerDraining(peer: 0, false), shard)
            node.deliver()
            #expect(node.shards.allSatisfy { !$0.peers[0].isDraining })
        }
    }

    @Test func `An outlier by all loops' calls is left out by all`() {
        var node = TestShards(3, peers: 6) { $0.probe = nil }
        // 60 calls of each peer: a loop alone has seen too few to judge.
        for shard in [1, 2] {
            for number in 0..<180 {
                let outcome: AttemptOutcome = number % 6 == 3 ? .failed : .answered
                let attempt = CircuitBreaker.Attempt(epoch: 99, start: node.now)
                node.hear(
                    .told(
                        from: shard,
                        .ended(peer: number % 6, attempt, outcome, expected: .milliseconds(20))),
                    0)
            }
        }
        node.pass(.seconds(11))
        #expect(node.shards.allSatisfy { $0.isEjected(peer: 3) })
        #expect((0..<6).filter { node.shards[1].isEjected(peer: $0) } == [3])
        #expect(node.changes.filter { $0.change == .ejected(peer: 3, true) }.count == 1)
        node.pass(.seconds(31))
        #expect((0..<6).allSatisfy { !node.shards[2].isEjected(peer: $0) })
    }

    @Test func `A source's limit holds over all loops, and a frame waits one question at most`() {
        var node = TestShards(2)
        for shard in 0..<2 { node.hear(.sourceLimit(source: 7, 10), shard) }
        for number in 0..<100 { node.arrive(number % 2, source: 7) }
        node.deliver()
        #expect(node.calls.count == 10)
        #expect(node.refusals == Array(repeating: .quota, count: 90))
        // Who ends makes room, on whatever loop.
        for call in node.calls {
            node.hear(.frame(call.id, .answered(attempt: 1, accepted: true)), call.shard)
        }
        node.deliver()
        for _ in 0..<20 { node.arrive(1, source: 7) }
        node.deliver()
        #expect(node.calls.count == 20)
        #expect(node.shards.map { $0.frames(of: 7) } == [0, 10])
    }

    @Test func `A frame whose client goes while it waits is forgotten`() throws {
        var node = TestShards(2)
        for shard in 0..<2 { node.hear(.sourceLimit(source: 7, 10), shard) }
        let arrived = node.arrive(1, source: 7)
        let id = try #require(arrived)
        #expect(!node.shards[1].isUnderWay(id))
        node.hear(.frame(id, .cancelled), 1)
        #expect(node.shards[1].frames == 0)
        node.deliver()
        #expect(node.calls.isEmpty && node.refusals.isEmpty)
        for _ in 0..<11 { node.arrive(0, source: 7) }
        node.deliver()
        #expect(node.calls.count == 10)
    }

    @Test func `A message about a peer that is not known yet means nothing`() {
        var node = TestShards(2)
        let messages: [ShardMessage] = [
            .ended(peer: 9, .init(epoch: 0, start: node.now), .failed, expected: .zero),
            .wantsTrial(peer: 9), .trial(peer: 9, .init(epoch: 0, start: node.now)),
            .breaker(peer: 9, .init(epoch: 3, openUntil: node.now)), .ejected(peer: 9, true),
            .draining(peer: 9, true), .account(task: 9, BudgetAccount(version: 0)),
            .lent(task: 9, BudgetLoan(version: 0, frames: 1, bytes: 1, level: 1)),
        ]
        for message in messages {
            node.hear(.told(from: 1, message), 0)
            node.hear(.told(from: 0, message), 1)
        }
        #expect(node.messages == 0)
    }
}
