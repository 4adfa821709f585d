import Ground
import Node
import Routing
import Testing

@Suite("What is owed, and what is recorded")
struct OwingTests {
    private func leaf(
        _ keeps: Keeping = .resultsAndFrames, peers: Int = 1, mayLeave: Bool = true,
        share: Double = 1, audit: Double = 0, course: (inout Course) -> Void = { _ in }
    ) -> TestNode {
        TestNode(
            bar: 0.8, peers: peers, mayLeave: mayLeave, share: share, audit: audit,
            course: {
                $0.keeps = keeps
                course(&$0)
            })
    }

    @Test func `A frame below the bar that nobody can be asked about waits until it is kept`() {
        var leaf = leaf()
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.5)))
        leaf.frame(.failed(attempt: 1, .unreachable))
        #expect(leaf.owed == [.upstreamDown])
        #expect(leaf.replies.isEmpty)
        leaf.frame(.kept(true))
        #expect(leaf.replies == [.local(accepted: false, degraded: .upstreamDown)])
        #expect(leaf.records == [1])
        #expect(leaf.isOver)
    }

    @Test func `With the breaker open no call is made, and the frame is owed`() {
        var leaf = leaf()
        leaf.hear(.peerOverride(peer: 0, .open))
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.5)))
        #expect(leaf.calls.isEmpty && leaf.owed == [.upstreamDown])
        leaf.frame(.kept(false))
        #expect(leaf.replies == [.local(accepted: false, degraded: .upstreamDown)])
    }

    @Test func `A slow disk costs the client its receipt and never its answer`() throws {
        var leaf = leaf()
        leaf.arrive(deadline: .milliseconds(100))
        leaf.frame(.inferred(Confidence(0.5)))
        leaf.frame(.failed(attempt: 1, .unreachable))
        leaf.now = try #require(leaf.alarm)
        leaf.frame(.timer)
        #expect(leaf.replies == [.local(accepted: false, degraded: .upstreamDown)])
        #expect(leaf.isOver)
        leaf.frame(.kept(true))
        #expect(leaf.replies.count == 1 && leaf.records == [1])
    }

    @Test func `A peer that hangs until the last moment leaves a frame that is owed`() throws {
        var leaf = leaf()
        leaf.arrive(deadline: .milliseconds(100))
        leaf.frame(.inferred(Confidence(0.5)))
        leaf.now = try #require(leaf.alarm)
        leaf.frame(.timer)
        #expect(leaf.owed == [.deadline])
        #expect(leaf.replies == [.local(accepted: false, degraded: .deadline)])
    }

    @Test func `In refine mode what is owed ends the frame as its last answer`() {
        var leaf = leaf()
        leaf.arrive(mode: .refine)
        leaf.frame(.inferred(Confidence(0.5)))
        leaf.frame(.failed(attempt: 1, .unreachable))
        #expect(leaf.owed.count == 1 && leaf.refinements.isEmpty)
        leaf.frame(.kept(true))
        #expect(leaf.refinements == [.local(accepted: false, degraded: .upstreamDown)])
        #expect(leaf.records == [2])
    }

    /// Which frames are worth their place: keeping, failure, and whether the frame is owed.
    @Test(arguments: [
        (Keeping.resultsAndFrames, CallFailure.unreachable, true),
        (.resultsAndFrames, .timeout, true), (.resultsAndFrames, .overloaded, false),
        (.resultsAndFrames, .refused, false), (.resultsAndFrames, .unserved, false),
        (.results, .unreachable, false), (.results, .timeout, false),
        (.nothing, .unreachable, false),
    ])
    func `A frame is owed when only the way stood between it and an answer`(
        keeps: Keeping, failure: CallFailure, isOwed: Bool
    ) {
        var leaf = leaf(keeps)
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.5)))
        leaf.frame(.failed(attempt: 1, failure))
        #expect(leaf.owed.count == (isOwed ? 1 : 0))
        if isOwed { leaf.frame(.kept(true)) }
        #expect(leaf.replies.count == 1)
        #expect(leaf.records.count == (keeps == .nothing ? 0 : 1))
    }

    @Test func `What the budget keeps here, what fails closed and audits are not owed`() {
        var budget = leaf(share: 0)
        budget.arrive()
        budget.frame(.inferred(Confidence(0.5)))
        #expect(budget.owed.isEmpty && budget.records == [1])

        var closed = leaf(course: { $0.failsClosed = true })
        closed.arrive()
        closed.frame(.inferred(Confidence(0.5)))
        closed.frame(.failed(attempt: 1, .unreachable))
        #expect(closed.owed.isEmpty && closed.refusals.count == 1 && closed.records.isEmpty)

        var audit = leaf(audit: 1)
        audit.arrive()
        audit.frame(.inferred(Confidence(0.9)))
        audit.frame(.failed(attempt: 1, .unreachable))
        #expect(audit.owed.isEmpty && audit.records == [1])
    }

    @Test func `A frame that must stay is recorded and never owed`() {
        var leaf = leaf(.results, mayLeave: false)
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.1)))
        #expect(leaf.owed.isEmpty && leaf.records == [1])
    }

    @Test func `A tier further up records nothing of what a leaf sent it`() {
        var region = leaf()
        region.arrive(isEntry: false)
        region.frame(.inferred(Confidence(0.5)))
        region.frame(.failed(attempt: 1, .unreachable))
        #expect(region.owed.isEmpty && region.records.isEmpty && region.replies.count == 1)
    }

    @Test func `A client that leaves after its first answer leaves one record`() {
        var leaf = leaf()
        leaf.arrive(mode: .refine)
        leaf.frame(.inferred(Confidence(0.5)))
        leaf.frame(.cancelled)
        #expect(leaf.records == [1])
        leaf.arrive()
        leaf.frame(.cancelled)
        #expect(leaf.records == [1])
    }

    @Test func `Whatever happens to a frame, it is recorded as often as it is answered`() {
        var random = Randomness(seed: 11)
        var owed = 0
        for _ in 0..<20_000 {
            var leaf = leaf(peers: 2, audit: 0.3)
            leaf.arrive(mode: Int(random.next() % 2) == 0 ? .wait : .refine)
            for _ in 0..<8 where leaf.forgotten == 0 {
                leaf.now = leaf.now + .milliseconds(Int64(random.next() % 400))
                let attempt = UInt32(1 + random.next() % 2)
                switch Int(random.next() % 7) {
                case 0: leaf.frame(.inferred(Confidence(random.unit())))
                case 1: leaf.frame(.inferenceFailed(.unavailable))
                case 2: leaf.frame(.answered(attempt: attempt, accepted: true))
                case 3: leaf.frame(.failed(attempt: attempt, .unreachable))
                case 4: leaf.frame(.failed(attempt: attempt, .timeout))
                case 5: leaf.frame(.kept(Int(random.next() % 2) == 0))
                default: leaf.frame(.timer)
                }
            }
            leaf.frame(.cancelled)
            let answered = leaf.replies.isEmpty ? 0 : 1
            #expect(leaf.records.count == answered)
            #expect(leaf.owed.count <= 1)
            #expect(leaf.forgotten == 1 && leaf.afterTheEnd == 0)
            owed += leaf.owed.count
        }
        #expect(owed > 500)
    }
}
