import Ground
import Node
import Routing
import Testing

@Suite("A model whose successor cannot be had")
struct StalenessTests {
    private static let limit = Interval.seconds(3_600)

    private func leaf(
        peers: Int = 0, closed: Bool = false, safe: Bool = false, limit: Interval? = limit
    ) -> TestNode {
        TestNode(bar: 0.8, peers: peers) {
            $0.staleness = limit
            $0.failsClosed = closed
            $0.hasSafeAnswer = safe
        }
    }

    private func answered(_ leaf: inout TestNode, _ confidence: Double = 0.9) -> [Verdict] {
        leaf.replies = []
        leaf.arrive()
        leaf.frame(.inferred(Confidence(confidence)))
        return leaf.replies
    }

    @Test(arguments: [false, true])
    func `Within its limit it answers, and every answer says that it is stale`(closed: Bool) {
        var leaf = leaf(closed: closed)
        #expect(answered(&leaf) == [.local(accepted: true)])
        leaf.hear(.modelStale(task: 0, true))
        #expect(answered(&leaf) == [.local(accepted: true, degraded: .stale)])
        #expect(answered(&leaf, 0.5) == [.local(accepted: false, degraded: .stale)])
        leaf.now = leaf.now + Self.limit + .nanoseconds(-1)
        #expect(answered(&leaf) == [.local(accepted: true, degraded: .stale)])
        #expect(leaf.refusals.isEmpty)
    }

    @Test func `At its limit a task that fails closed refuses`() {
        var leaf = leaf(closed: true)
        leaf.hear(.modelStale(task: 0, true))
        leaf.now = leaf.now + Self.limit
        leaf.arrive()
        #expect(leaf.refusals == [.unavailable])
        #expect(leaf.inferences == 0)
        #expect(leaf.isOver)
    }

    @Test func `At its limit a task that fails safe gives its safe answer`() {
        var leaf = leaf(safe: true)
        leaf.hear(.modelStale(task: 0, true))
        leaf.now = leaf.now + Self.limit
        leaf.arrive()
        let safe = Verdict(answerer: .nobody, accepted: false, degraded: .stale, final: true)
        #expect(leaf.replies == [safe])
        #expect(leaf.isOver)
    }

    @Test func `At its limit frames go to whoever may have the right model`() {
        var leaf = leaf(peers: 1)
        leaf.hear(.modelStale(task: 0, true))
        leaf.now = leaf.now + Self.limit
        leaf.arrive()
        #expect(leaf.calls.map(\.purpose) == [.forward])
        leaf.frame(.answered(attempt: 1, accepted: true))
        #expect(leaf.replies == [.upstream(attempt: 1, accepted: true)])
    }

    @Test func `A frame that began before the limit has its answer after it`() {
        var leaf = leaf(closed: true)
        leaf.hear(.modelStale(task: 0, true))
        leaf.now = leaf.now + Self.limit + .nanoseconds(-1)
        leaf.arrive()
        leaf.now = leaf.now + .milliseconds(1)
        leaf.frame(.inferred(Confidence(0.9)))
        #expect(leaf.replies == [.local(accepted: true, degraded: .stale)])
    }

    @Test func `A further edit in vain does not begin the time anew`() {
        var leaf = leaf(closed: true)
        leaf.hear(.modelStale(task: 0, true))
        leaf.now = leaf.now + .seconds(3_000)
        leaf.hear(.modelStale(task: 0, true))
        leaf.now = leaf.now + .seconds(600)
        leaf.arrive()
        #expect(leaf.refusals == [.unavailable])
    }

    @Test func `The right model, or an edit taken back, ends it, even past the limit`() {
        var leaf = leaf(closed: true)
        leaf.hear(.modelStale(task: 0, true))
        leaf.now = leaf.now + Self.limit + Self.limit
        leaf.hear(.modelStale(task: 0, false))
        #expect(answered(&leaf) == [.local(accepted: true)])
    }

    @Test func `Without a limit it answers for as long as it must`() {
        var leaf = leaf(closed: true, limit: nil)
        leaf.hear(.modelStale(task: 0, true))
        leaf.now = leaf.now + .seconds(400 * 86_400)
        #expect(answered(&leaf) == [.local(accepted: true, degraded: .stale)])
    }

    @Test func `An engine that ends and starts again makes an old model no younger`() {
        var leaf = leaf(closed: true)
        leaf.hear(.modelStale(task: 0, true))
        leaf.hear(.modelLost(task: 0))
        leaf.hear(.modelReady(task: 0, bar: Bar(0.8)))
        #expect(answered(&leaf) == [.local(accepted: true, degraded: .stale)])
        leaf.now = leaf.now + Self.limit
        leaf.arrive()
        #expect(leaf.refusals == [.unavailable])
    }

    @Test func `A better answer from above is not stale, and the first of two is`() {
        var leaf = leaf(peers: 1)
        leaf.hear(.modelStale(task: 0, true))
        leaf.arrive(mode: .refine)
        leaf.frame(.inferred(Confidence(0.5)))
        #expect(leaf.replies == [.local(accepted: false, degraded: .stale, final: false)])
        leaf.frame(.answered(attempt: 1, accepted: true))
        #expect(leaf.refinements == [.upstream(attempt: 1, accepted: true)])
    }
}
