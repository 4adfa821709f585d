import Ground
import Node
import Routing
import Testing

@Suite("A frame's journey")
struct JourneyTests {
    @Test func `An answer at the bar is accepted and nothing is asked upstream`() {
        var leaf = TestNode(bar: 0.8)
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.8)))
        #expect(leaf.replies == [.local(accepted: true)])
        #expect(leaf.calls.isEmpty)
        #expect(leaf.isOver)
    }

    @Test func `An answer below the bar escalates and the peer's answer is the reply`() {
        var leaf = TestNode(bar: 0.8)
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.79)))
        #expect(leaf.calls.count == 1)
        #expect(leaf.replies.isEmpty)
        leaf.frame(.answered(attempt: 1, accepted: true))
        #expect(leaf.replies == [.upstream(attempt: 1, accepted: true)])
        #expect(leaf.isOver)
    }

    @Test func `In refine mode the first answer goes out at once and the last once`() {
        var leaf = TestNode(bar: 0.8)
        leaf.arrive(mode: .refine)
        leaf.frame(.inferred(Confidence(0.5)))
        #expect(leaf.replies == [.local(accepted: false, final: false)])
        leaf.frame(.answered(attempt: 1, accepted: true))
        leaf.frame(.answered(attempt: 1, accepted: true))
        #expect(leaf.refinements == [.upstream(attempt: 1, accepted: true)])
    }

    @Test(arguments: [
        (CallFailure.unreachable, DegradedReason.upstreamDown), (.timeout, .deadline),
        (.overloaded, .overload), (.refused, .upstreamDown), (.unserved, .upstreamDown),
    ])
    func `When the peer fails the local answer stands and says why`(
        failure: CallFailure, reason: DegradedReason
    ) {
        var leaf = TestNode(bar: 0.8)
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.5)))
        leaf.frame(.failed(attempt: 1, failure))
        #expect(leaf.replies == [.local(accepted: false, degraded: reason)])
    }

    @Test func `A second peer is tried once when the first cannot be reached`() {
        var leaf = TestNode(bar: 0.8, peers: 2)
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.5)))
        leaf.frame(.failed(attempt: 1, .unreachable))
        #expect(leaf.calls.count == 2)
        #expect(Set(leaf.calls.map(\.peer)).count == 2)
        leaf.frame(.failed(attempt: 1, .unreachable))
        #expect(leaf.replies.isEmpty, "a late failure of the first attempt changes nothing")
        leaf.frame(.failed(attempt: 2, .unreachable))
        #expect(leaf.calls.count == 2)
        #expect(leaf.replies == [.local(accepted: false, degraded: .upstreamDown)])
    }

    @Test func `A hanging peer is given up before the caller's deadline`() throws {
        var leaf = TestNode(bar: 0.8)
        leaf.arrive(deadline: .milliseconds(100))
        leaf.frame(.inferred(Confidence(0.5)))
        let call = try #require(leaf.calls.first)
        let alarm = try #require(leaf.alarm)
        #expect(alarm == leaf.start + .milliseconds(90))
        #expect(call.deadline <= alarm)
        leaf.now = alarm
        leaf.frame(.timer)
        #expect(leaf.cancelledCalls == [1])
        #expect(leaf.replies == [.local(accepted: false, degraded: .deadline)])
    }

    @Test func `A frame that must stay is answered here, whatever its confidence`() {
        var leaf = TestNode(bar: 0.8, mayLeave: false)
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.1)))
        #expect(leaf.calls.isEmpty)
        #expect(leaf.replies == [.local(accepted: false, degraded: .localOnly)])
    }

    @Test func `Without a model the frame is handed on, and refused when nobody is left`() {
        var leaf = TestNode(bar: 0.8, hasModel: false)
        leaf.arrive()
        #expect(leaf.calls.map(\.purpose) == [.forward])
        leaf.frame(.failed(attempt: 1, .unreachable))
        #expect(leaf.refusals == [.unavailable])
    }

    @Test func `A frame that is handed on is handed on again when a peer does not take it`() {
        var leaf = TestNode(bar: 0.8, peers: 2, hasModel: false)
        leaf.arrive()
        leaf.frame(.failed(attempt: 1, .unserved))
        #expect(leaf.calls.map(\.purpose) == [.forward, .forward])
        #expect(Set(leaf.calls.map(\.peer)).count == 2)
        leaf.frame(.failed(attempt: 2, .unserved))
        #expect(leaf.refusals == [.unavailable], "the client's request was not at fault")
    }

    @Test(arguments: [true, false])
    func `A full queue that nobody upstream relieves is overload, not a missing model`(
        mayLeave: Bool
    ) {
        var leaf = TestNode(bar: 0.8, mayLeave: mayLeave)
        leaf.arrive()
        leaf.frame(.inferenceFailed(.overload))
        #expect(leaf.calls.count == (mayLeave ? 1 : 0))
        leaf.frame(.failed(attempt: 1, .unreachable))
        #expect(leaf.refusals == [.overload])
        #expect(leaf.isOver)
    }

    @Test func `A wrong input is refused and not sent on`() {
        var leaf = TestNode(bar: 0.8)
        leaf.arrive()
        leaf.frame(.inferenceFailed(.invalid))
        #expect(leaf.refusals == [.invalid])
        #expect(leaf.calls.isEmpty)
    }

    @Test func `A frame that has been here before is not sent on again`() {
        var leaf = TestNode(bar: 0.8)
        leaf.arrive(mayTravel: false)
        leaf.frame(.inferred(Confidence(0.1)))
        #expect(leaf.calls.isEmpty)
        #expect(leaf.replies == [.local(accepted: false)])
    }

    @Test func `The last tier's answer is final and says whether it met the bar`() {
        var cloud = TestNode(bar: 0.8, peers: 0)
        cloud.arrive()
        cloud.frame(.inferred(Confidence(0.5)))
        #expect(cloud.replies == [.local(accepted: false)])
    }

    @Test func `Confidence that is not a number meets no bar`() {
        var cloud = TestNode(bar: 0, peers: 0)
        cloud.arrive()
        cloud.frame(.inferred(Confidence(.nan)))
        #expect(cloud.replies == [.local(accepted: false)])
    }

    @Test func `The caller's own bar overrides the task's`() {
        var leaf = TestNode(bar: 0.8)
        leaf.arrive(accept: 0.3)
        leaf.frame(.inferred(Confidence(0.4)))
        #expect(leaf.replies == [.local(accepted: true)])
    }

    @Test func `A caller that goes away takes its work with it`() {
        var leaf = TestNode(bar: 0.8)
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.4)))
        leaf.frame(.cancelled)
        #expect(leaf.cancelledCalls == [1])
        #expect(leaf.replies.isEmpty && leaf.refusals.isEmpty)
        #expect(leaf.isOver)
    }

    @Test func `A frame that arrives after its deadline is refused before any work`() {
        var leaf = TestNode(bar: 0.8)
        leaf.arrive(deadline: .zero)
        #expect(leaf.refusals == [.deadline])
        #expect(leaf.inferences == 0)
    }

    @Test func `An audited answer goes out first and is compared later`() {
        var leaf = TestNode(bar: 0.8, audit: 1)
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.9)))
        #expect(leaf.replies == [.local(accepted: true)])
        #expect(leaf.calls.map(\.purpose) == [.audit])
        leaf.frame(.answered(attempt: 1, accepted: true))
        #expect(leaf.comparisons == [1])
        #expect(leaf.replies.count == 1)
        #expect(leaf.isOver)
    }
}
