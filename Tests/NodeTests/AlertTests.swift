import Ground
import Node
import Routing
import Testing

@Suite("Alerts come first")
struct AlertTests {
    private func leaf(seed: UInt64 = 1, bar: Double = 0.8, peers: Int = 1) -> TestNode {
        TestNode(bar: bar, peers: peers, seed: seed, course: { $0.alert = Bar(0.9) })
    }

    @Test func `Over 10,000 random scores a frame alerts once or not at all, before its calls`() {
        var random = Randomness(seed: 3)
        var alerts = 0
        for round in 0..<10_000 {
            var leaf = leaf(seed: UInt64(round), bar: random.unit())
            let (score, confidence, later) = (random.unit(), random.unit(), random.unit())
            leaf.arrive(mode: round % 2 == 0 ? .wait : .refine)
            leaf.frame(.inferred(Confidence(confidence), alert: Confidence(score)))
            let escalates = !leaf.calls.isEmpty
            if escalates {
                leaf.frame(.answered(attempt: 1, accepted: true, alert: Confidence(later)))
            }
            let isDue = score >= 0.9 || (escalates && later >= 0.9)
            #expect(leaf.alerts == (isDue ? 1 : 0))
            if score >= 0.9 { #expect(leaf.alertsBeforeCalls == 1) }
            alerts += leaf.alerts
        }
        #expect(alerts > 1_000)
    }

    @Test(arguments: [(0.9, 1), (0.899_999, 0), (1.0, 1), (0.0, 0)])
    func `The threshold itself alerts, and what is just below does not`(
        score: Double, alerts: Int
    ) {
        var leaf = leaf()
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.95), alert: Confidence(score)))
        #expect(leaf.alerts == alerts)
    }

    @Test func `A node further up does not alert of what a leaf sent it`() {
        var region = leaf()
        region.arrive(isEntry: false)
        region.frame(.inferred(Confidence(0.95), alert: Confidence(0.99)))
        #expect(region.alerts == 0)
    }

    @Test func `A leaf without a model alerts of what a peer found`() {
        var leaf = TestNode(bar: 0.8, hasModel: false, course: { $0.alert = Bar(0.9) })
        leaf.arrive()
        leaf.frame(.answered(attempt: 1, accepted: true, alert: Confidence(0.95)))
        #expect(leaf.alerts == 1)
    }
}

@Suite("Closed or safe")
struct ClosedOrSafeTests {
    @Test(arguments: [
        (CallFailure.unreachable, Refusal.unavailable), (.timeout, .deadline),
        (.overloaded, .overload),
    ])
    func `A task that fails closed says nothing rather than something unsure`(
        failure: CallFailure, refusal: Refusal
    ) {
        var leaf = TestNode(bar: 0.8, course: { $0.failsClosed = true })
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.5)))
        leaf.frame(.failed(attempt: 1, failure))
        #expect(leaf.refusals == [refusal] && leaf.replies.isEmpty)
    }

    @Test func `A task that fails closed still gives what it is sure of`() {
        var leaf = TestNode(bar: 0.8, course: { $0.failsClosed = true })
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.9)))
        #expect(leaf.replies == [.local(accepted: true)])
    }

    @Test func `A safe answer stands where nobody has one, and is marked`() {
        var leaf = TestNode(
            bar: 0.8, peers: 0, hasModel: false, course: { $0.hasSafeAnswer = true })
        leaf.arrive()
        #expect(
            leaf.replies == [
                Verdict(
                    answerer: .nobody, accepted: false, degraded: .upstreamDown, final: true)
            ])
    }
}
