import Ground
import Node
import Routing
import Testing

@Suite("A second call beside a slow first")
struct HedgeTests {
    /// A leaf whose peers have answered 40 calls in 10 ms each.
    private func warmed(
        peers: Int = 2, policy: (inout Policy) -> Void = { _ in }
    ) -> TestNode {
        var leaf = TestNode(bar: nil, peers: peers, hasModel: false, policy: policy)
        for _ in 0..<40 {
            leaf.arrive()
            leaf.now = leaf.now + .milliseconds(10)
            leaf.frame(.answered(attempt: 1, accepted: true))
        }
        leaf.calls = []
        leaf.replies = []
        return leaf
    }

    @Test func `It goes out at the 95th percentile, to another peer, and the first answer wins`() {
        var leaf = warmed()
        leaf.arrive()
        let moment = leaf.alarm!
        #expect(moment - leaf.now >= .milliseconds(10) && moment - leaf.now <= .milliseconds(12))
        leaf.now = moment
        leaf.frame(.timer)
        #expect(leaf.calls.map(\.reason) == [.first, .hedge])
        #expect(leaf.calls[0].peer != leaf.calls[1].peer)
        #expect(leaf.alarm! > leaf.now + .milliseconds(500), "the frame's own end is armed again")
        leaf.frame(.answered(attempt: 2, accepted: true))
        #expect(leaf.replies == [.upstream(attempt: 2, accepted: true)])
        #expect(leaf.cancelledCalls == [1])
        #expect(leaf.isOver)
        leaf.frame(.answered(attempt: 1, accepted: true))
        #expect(leaf.replies.count == 1)
    }

    @Test func `When one of the two fails the other goes on`() {
        var leaf = warmed()
        leaf.arrive()
        leaf.now = leaf.alarm!
        leaf.frame(.timer)
        leaf.frame(.failed(attempt: 1, .unreachable))
        #expect(leaf.refusals.isEmpty && leaf.calls.count == 2)
        leaf.frame(.answered(attempt: 2, accepted: true))
        #expect(leaf.replies == [.upstream(attempt: 2, accepted: true)])
    }

    @Test func `Both calls are given up when the caller goes, and their places are free again`() {
        var leaf = warmed()
        leaf.arrive()
        leaf.now = leaf.alarm!
        leaf.frame(.timer)
        leaf.frame(.cancelled)
        #expect(leaf.cancelledCalls == [1, 2] && leaf.isOver)
        #expect(leaf.node.peers.allSatisfy { $0.pending == 0 })
    }

    @Test(arguments: [1, 2])
    func `There is none without a second peer, or when the topology says no`(peers: Int) {
        var leaf = warmed(peers: peers) { if peers == 2 { $0.hedgePercent = nil } }
        leaf.arrive()
        #expect(leaf.alarm! - leaf.now > .milliseconds(500))
        leaf.frame(.timer)
        #expect(leaf.calls.count == 1)
    }

    @Test func `Hedges come from the budget of retries`() {
        var leaf = warmed()
        var hedges = 0
        for _ in 0..<1_000 {
            leaf.calls = []
            leaf.arrive()
            leaf.now = leaf.now + .milliseconds(15)
            leaf.frame(.timer)
            hedges += leaf.calls.count - 1
            // An answer would teach that 15 ms are usual.
            leaf.frame(.cancelled)
        }
        #expect(hedges > 50 && hedges <= 225)
    }
}
