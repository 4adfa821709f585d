import Ground
import Node
import Routing
import Testing

/// Any order of events, wanted or not: what a journey never does.
@Suite("Journeys under random events")
struct JourneyPropertyTests {
    @Test func `Every frame ends once, and with an answer wherever there was one`() {
        var random = Randomness(seed: 20)
        var seen = (replies: 0, refusals: 0, refinements: 0, retries: 0)
        for round in 0..<20_000 {
            var leaf = TestNode(
                bar: 0.8, peers: Int.random(in: 0...3, using: &random),
                mayLeave: Bool.random(using: &random), hasModel: random.unit() < 0.8,
                share: random.unit(), audit: random.unit() < 0.5 ? 0.5 : 0, seed: UInt64(round))
            let mode = Bool.random(using: &random) ? Mode.wait : .refine
            leaf.arrive(mode: mode, deadline: .milliseconds(.random(in: 0...200, using: &random)))
            let hadAnswer = live(&leaf, &random)
            check(leaf, hadAnswer: hadAnswer, mode: mode)
            seen.replies += leaf.replies.count
            seen.refusals += leaf.refusals.count
            seen.refinements += leaf.refinements.count
            seen.retries += leaf.calls.count > 1 ? 1 : 0
        }
        // Every kind of end was met, so that the checks above were not empty.
        #expect(seen.replies > 1_000 && seen.refusals > 1_000)
        #expect(seen.refinements > 300 && seen.retries > 100)
    }

    /// Plays random events until the frame is over; the timer always fires in the end. Returns
    /// whether the model here had answered before the end, and the caller stayed.
    private func live(_ leaf: inout TestNode, _ random: inout Randomness) -> Bool {
        var answered = false
        for _ in 0..<12 where leaf.forgotten == 0 {
            leaf.now = leaf.now + .milliseconds(.random(in: 0...20, using: &random))
            if let alarm = leaf.alarm, leaf.now > alarm { break }
            let attempt = UInt32.random(in: 0...3, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1, 2:
                if leaf.calls.isEmpty { answered = true }
                leaf.frame(.inferred(Confidence(random.unit())))
            case 3: leaf.frame(.answered(attempt: attempt, accepted: true))
            case 4: leaf.frame(.failed(attempt: attempt, .unreachable))
            case 5: leaf.frame(.failed(attempt: attempt, .overloaded))
            case 6: if !answered { leaf.frame(.inferenceFailed(.overload)) }
            default: leaf.frame(.failed(attempt: attempt, .timeout))
            }
        }
        if leaf.forgotten == 0, let alarm = leaf.alarm {
            leaf.now = max(leaf.now, alarm)
            leaf.frame(.timer)
        }
        return answered
    }

    private func check(_ leaf: TestNode, hadAnswer: Bool, mode: Mode) {
        #expect(leaf.isOver)
        #expect(leaf.replies.count + leaf.refusals.count == 1)
        #expect(leaf.calls.count <= 2)
        let firstIsLast = leaf.replies.first?.final ?? true
        #expect(leaf.refinements.count == (firstIsLast ? 0 : 1))
        if mode == .wait { #expect(firstIsLast) }
        if let alarm = leaf.alarm {
            #expect(leaf.calls.allSatisfy { $0.deadline <= alarm })
        }
        if hadAnswer { #expect(leaf.refusals.isEmpty, "a node that has an answer gives it") }
    }
}
