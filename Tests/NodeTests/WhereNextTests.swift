import Ground
import Node
import Testing

@testable import Routing

/// Several peers in several tiers: whom a node asks, and whom it does not.
@Suite("Where a frame goes next")
struct WhereNextTests {
    /// Frames that all go upstream, one after the other; `react` says what becomes of each call.
    private func run(
        _ count: Int, _ leaf: inout TestNode, every: Interval = .milliseconds(10),
        react: (PeerCall) -> FrameEvent
    ) -> [PeerCall] {
        var calls: [PeerCall] = []
        for _ in 0..<count {
            leaf.now = leaf.now + every
            leaf.calls = []
            leaf.arrive()
            var next = 0
            while next < leaf.calls.count {
                let call = leaf.calls[next]
                next += 1
                leaf.frame(react(call))
            }
            calls += leaf.calls
        }
        return calls
    }

    private func answer(_ call: PeerCall) -> FrameEvent {
        .answered(attempt: call.attempt, accepted: true)
    }

    private func open(_ peers: ClosedRange<Int>, of leaf: inout TestNode) {
        for peer in peers { leaf.hear(.peerOverride(peer: peer, .open)) }
    }

    @Test(arguments: [(10, 0.0), (8, 0.0), (7, 2.0), (5, 30.0), (0, 100.0)])
    func `A tier gets what its healthy hosts carry, and the next tier the rest`(
        healthy: Int, spilled: Double
    ) {
        var leaf = TestNode(
            bar: nil, peers: 12, hasModel: false, course: { $0.levels = [Array(0..<10), [10, 11]] })
        if healthy < 10 { open(healthy...9, of: &leaf) }
        let calls = run(4_000, &leaf, react: answer)
        let share = Double(calls.count { $0.peer >= 10 }) / 40
        #expect(abs(share - spilled) < 3)
        #expect(calls.allSatisfy { $0.isSpill == ($0.peer >= 10) })
    }

    @Test func `Peers that only probes call ill are used when most of the last tier is`() {
        var leaf = TestNode(
            bar: nil, peers: 6, hasModel: false, course: { $0.levels = [Array(0..<6)] })
        ill([0, 1, 2, 3], of: &leaf)
        let calls = run(600, &leaf, react: answer)
        #expect(calls.contains { $0.peer < 4 }, "two of six are fewer than half: panic")
        #expect(leaf.changes.contains(.panic(task: 0, true)))
    }

    @Test func `A panic never calls past an open breaker or a peer that drains`() {
        var leaf = TestNode(
            bar: nil, peers: 6, hasModel: false, course: { $0.levels = [Array(0..<6)] })
        ill([2, 3, 4, 5], of: &leaf)
        open(0...0, of: &leaf)
        leaf.hear(.peerDraining(peer: 1, true))
        let calls = run(600, &leaf, react: answer)
        #expect(!calls.isEmpty && calls.allSatisfy { $0.peer >= 2 })
    }

    @Test func `Below five hosts there is no panic`() {
        var leaf = TestNode(
            bar: nil, peers: 4, hasModel: false, course: { $0.levels = [Array(0..<4)] })
        ill([0, 1, 2], of: &leaf)
        #expect(Set(run(200, &leaf, react: answer).map(\.peer)) == [3])
    }

    /// Answers a probe of each peer, and then no further one of these.
    private func ill(_ peers: [Int], of leaf: inout TestNode) {
        for round in 0..<40 {
            leaf.now = leaf.now + Node.tick
            leaf.probes = []
            leaf.hear(.tick)
            for (peer, number) in leaf.probeNumbers {
                let isWell = round < 4 || !peers.contains(peer)
                leaf.hear(.probed(peer: peer, number: number, isWell: isWell))
            }
        }
        for peer in peers { #expect(!leaf.node.peers[peer].isWell) }
    }

    @Test func `A dead peer gets a probe before a frame, and one frame before many`() {
        var leaf = TestNode(bar: nil, peers: 1, hasModel: false)
        _ = run(5, &leaf) { .failed(attempt: $0.attempt, .unreachable) }
        #expect(leaf.changes.contains(.breaker(peer: 0, .open)))
        leaf.now = leaf.now + .seconds(5)
        #expect(run(3, &leaf, react: answer).isEmpty, "its time is over, and nobody looked yet")
        leaf.hear(.tick)
        #expect(leaf.probes == [0])
        let number = leaf.probeNumbers[0].number
        leaf.hear(.probed(peer: 0, number: number, isWell: true))
        leaf.arrive()
        let first = leaf.id
        #expect(leaf.calls.count == 1)
        leaf.arrive()
        #expect(leaf.calls.count == 1, "half-open lets one call through at a time")
        leaf.hear(.frame(first!, .answered(attempt: 1, accepted: true)))
        #expect(leaf.changes.last == .breaker(peer: 0, .closed))
        #expect(run(3, &leaf, react: answer).count == 3)
    }

    @Test func `A dead peer that calls is asked back at once, and older probes are ignored`() {
        var leaf = TestNode(bar: nil, peers: 2, hasModel: false)
        ill([0], of: &leaf)
        leaf.probes = []
        leaf.hear(.peerCalled(peer: 0))
        let first = leaf.probeNumbers.last!.number
        leaf.hear(.peerCalled(peer: 0))
        #expect(leaf.probes == [0, 0])
        leaf.hear(.probed(peer: 0, number: first, isWell: true))
        #expect(!leaf.node.peers[0].isWell, "that one was sent before it called again")
        leaf.hear(.probed(peer: 0, number: leaf.probeNumbers.last!.number, isWell: true))
        #expect(leaf.node.peers[0].isWell)
        leaf.hear(.peerCalled(peer: 0))
        #expect(leaf.probes == [0, 0], "of one that is well there is nothing to ask")
    }

    @Test func `A peer that hangs is found out by probes long before its callers' patience ends`() {
        var leaf = TestNode(bar: nil, peers: 1, hasModel: false)
        leaf.hear(.tick)
        leaf.hear(.probed(peer: 0, number: leaf.probeNumbers[0].number, isWell: true))
        leaf.arrive(deadline: .seconds(30))
        leaf.probes = []
        for _ in 0..<16 {
            leaf.now = leaf.now + Node.tick
            leaf.hear(.tick)
            let number = leaf.probeNumbers[0].number
            leaf.now = leaf.now + .milliseconds(1)
            leaf.hear(.probed(peer: 0, number: number, isWell: false))
        }
        #expect(leaf.probes.count >= 2 && !leaf.node.peers[0].isWell)
        leaf.calls = []
        leaf.arrive(deadline: .seconds(30))
        #expect(leaf.calls.isEmpty && leaf.refusals == [.unavailable])
    }

    @Test func `An operator's word goes over the breaker's`() {
        var leaf = TestNode(bar: nil, peers: 1, hasModel: false)
        leaf.hear(.peerOverride(peer: 0, .open))
        #expect(run(3, &leaf, react: answer).isEmpty)
        leaf.hear(.peerOverride(peer: 0, .closed))
        let calls = run(30, &leaf) { .failed(attempt: $0.attempt, .unreachable) }
        #expect(calls.count == 30, "however often it fails")
        leaf.hear(.peerOverride(peer: 0, nil))
        #expect(run(3, &leaf, react: answer).isEmpty)
    }

    @Test func `A leaf without a model hands its frame to a neighbour, and it goes no further`() {
        var leaf = TestNode(
            bar: 0.8, peers: 2, hasModel: false,
            course: {
                $0.neighbours = [0]
                $0.levels = [[1]]
            })
        leaf.arrive()
        #expect(leaf.calls.map(\.peer) == [0])
        leaf.frame(.failed(attempt: 1, .unreachable))
        #expect(leaf.calls.map(\.peer) == [0, 1], "the next tier comes after")
        leaf.frame(.answered(attempt: 2, accepted: true))
        leaf.calls = []
        leaf.arrive(isEntry: false)
        #expect(leaf.calls.map(\.peer) == [1], "what another node sent is not passed around")
    }

    @Test func `A payload that must stay may still go to a neighbour of the site`() {
        var leaf = TestNode(
            bar: 0.8, peers: 2, mayLeave: false, hasModel: false,
            course: {
                $0.neighbours = [0]
                $0.levels = [[1]]
            })
        leaf.arrive()
        #expect(leaf.calls.map(\.peer) == [0])
        leaf.frame(.failed(attempt: 1, .unreachable))
        #expect(leaf.calls.count == 1)
        #expect(leaf.refusals == [.localOnly])
    }

    @Test func `A neighbour that said it is full is passed over`() {
        var leaf = TestNode(
            bar: 0.8, peers: 2, hasModel: false,
            course: {
                $0.neighbours = [0]
                $0.levels = [[1]]
            })
        leaf.arrive()
        leaf.frame(
            .answered(attempt: 1, accepted: true, load: PeerLoad(held: 40, room: 0)))
        leaf.calls = []
        leaf.arrive()
        #expect(leaf.calls.map(\.peer) == [1])
        leaf.now = leaf.now + .seconds(2)
        leaf.calls = []
        leaf.arrive()
        #expect(leaf.calls.map(\.peer) == [0], "its word is old")
    }

    @Test func `Retries stay within a fifth of the requests and the floor`() {
        var leaf = TestNode(
            bar: nil, peers: 3, hasModel: false,
            policy: {
                $0.breaker.consecutiveFailures = 1_000_000
                $0.breaker.minimumCalls = 1_000_000
            })
        let calls = run(1_000, &leaf) { .failed(attempt: $0.attempt, .unreachable) }
        let retries = calls.count { $0.reason == .retry }
        #expect(retries > 100 && retries <= 210)
        #expect(calls.count { $0.reason == .first } == 1_000)
    }

    @Test func `Only where a frame enters the fleet is it tried again`() {
        var leaf = TestNode(bar: nil, peers: 2, hasModel: false)
        leaf.arrive(isEntry: false)
        leaf.frame(.failed(attempt: 1, .unreachable))
        #expect(leaf.calls.count == 1 && leaf.refusals == [.unavailable])
    }
}
