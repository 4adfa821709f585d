import Ground
import Node
import Routing
import Testing

/// What the logs of real nodes hold beside what the simulator's do.
@Suite("Event logs") struct EventLogTests {
    private let start = Instant(nanoseconds: 5_000)
    private let digest = Digest(bytes: [UInt8](0..<32))!

    private func surroundings(share: Double) -> Surroundings {
        .forTests(
            peers: 1, mayLeave: true, share: share, audit: 0, seed: 7, start: start, { _ in },
            { _ in })
    }

    /// A node that takes another topology over between two frames, and its log.
    private func recorded(_ node: inout Node) -> [UInt8] {
        var log = EventLog(
            EventLog.Header(
                node: "leaf", place: ShardPlace(1, of: 2), seed: 7, start: start, topology: digest))
        func hear(_ event: Event, _ at: Int64) {
            var effects = Effects()
            node.on(event, now: start + .milliseconds(at), into: &effects)
            log.append(event, at: start + .milliseconds(at), effects)
        }
        hear(.modelReady(task: 0, bar: Bar(0.9)), 1)
        for frame in 0..<40 {
            let at = Int64(10 * frame + 10)
            if frame == 20 {
                node.adopt(surroundings(share: 0))
                log.adopted(digest, at: start + .milliseconds(at))
            }
            // Two places are given before the first frame arrives: the order of both counts.
            let ids = [node.admit()!, node.admit()!]
            for id in ids { log.admitted(id) }
            for id in ids.reversed() {
                let arrival = Arrival(
                    task: 0, mode: .wait, deadline: start + .milliseconds(at + 500), bytes: 10)
                hear(.arrived(id, arrival), at)
            }
            for id in ids { hear(.frame(id, .inferred(Confidence(0.5))), at + 1) }
            for id in ids {
                hear(.frame(id, .answered(attempt: 1, accepted: true)), at + 2)
            }
        }
        log.end(.node, at: start + .seconds(1))
        return log.bytes
    }

    @Test func `A topology that was taken over meanwhile is taken over again`() throws {
        var node = Node(surroundings(share: 1))
        let bytes = recorded(&node)
        var replay = try Replay(bytes)
        #expect(replay.header.place == ShardPlace(1, of: 2) && replay.header.topology == digest)
        var again = Node(surroundings(share: 1))
        try replay.run(&again) { (_, _) throws(Fault) in surroundings(share: 0) }
        #expect(replay.adoptions == 1 && replay.end == .node)
        #expect(replay.now == start + .seconds(1))
    }

    @Test func `Without the topology that was taken over the replay ends there, and says so`()
        throws
    {
        var node = Node(surroundings(share: 1))
        var replay = try Replay(recorded(&node))
        var again = Node(surroundings(share: 1))
        #expect(throws: Fault.self) { try replay.run(&again) }
        #expect(replay.events > 100)
    }

    @Test func `Another topology than the one that was taken over is found`() throws {
        var node = Node(surroundings(share: 1))
        var replay = try Replay(recorded(&node))
        var again = Node(surroundings(share: 1))
        #expect {
            try replay.run(&again) { (_, _) throws(Fault) in surroundings(share: 1) }
        } throws: { error in
            "\(error)".contains("“reply") && "\(error)".contains("that is call")
        }
    }
}
