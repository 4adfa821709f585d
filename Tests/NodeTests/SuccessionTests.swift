import Ground
import Routing
import Testing
import Topology

@testable import Node

@Suite("A node under a new topology")
struct SuccessionTests {
    /// A leaf that knows these tasks, and these regions to ask.
    private func blueprint(
        tasks: [String], regions: [String], routing: String = "{}", accept: Double = 0.9
    ) throws -> Blueprint {
        let digest = "\"sha256:\(String(repeating: "1", count: 64))\""
        var text = "canopy: 1\nrouting: \(routing)\nnodes:\n"
        text += "  leaf: { tier: leaf, listen: 127.0.0.1:8443 }\n"
        for (index, name) in regions.enumerated() {
            text += "  \(name): { tier: regional, listen: 127.0.0.1:\(9000 + index) }\n"
        }
        text += "tasks:\n"
        for name in tasks {
            text += "  \(name): { leaf: { bundle: \(digest), accept: \(accept) }"
            text += regions.isEmpty ? " }\n" : ", regional: { bundle: \(digest) } }\n"
        }
        let topology = try Topology(validating: TopologyFile(text: text, name: "t.yaml"))
        return Blueprint(topology, node: try #require(topology.node(named: "leaf")))
    }

    private func node(_ surroundings: Surroundings) -> TestNode {
        var made = TestNode(bar: nil)
        made.node = Node(surroundings)
        return made
    }

    private func names(_ blueprint: Blueprint) -> [String] {
        blueprint.tasks.map { $0.isRetired ? "(\($0.name))" : $0.name }
            + blueprint.peers.map { $0.isRetired ? "(\($0.plan.name))" : $0.plan.name }
    }

    @Test func `Tasks and peers keep their index, and new ones follow`() throws {
        let old = try blueprint(tasks: ["c", "d"], regions: ["north", "west"])
        let new = try blueprint(tasks: ["a", "c", "d"], regions: ["east", "north", "west"])
            .succeeding(old)
        #expect(names(new) == ["c", "d", "a", "north", "west", "east"])
        #expect(new.tasks.map(\.levels) == [[[2, 0, 1]], [[2, 0, 1]], [[2, 0, 1]]])
    }

    @Test func `What is gone keeps its place, is served no more, and may come back to it`() throws {
        let old = try blueprint(tasks: ["a", "b"], regions: ["east", "west"])
        let less = try blueprint(tasks: ["b"], regions: ["west"]).succeeding(old)
        #expect(names(less) == ["(a)", "b", "(east)", "west"])
        #expect(less.tasks[0].levels.isEmpty && !less.tasks[0].hasBundle)
        #expect(less.tasks[1].levels == [[1]])
        let back = try blueprint(tasks: ["a", "b"], regions: ["east", "west"]).succeeding(less)
        #expect(names(back) == ["a", "b", "east", "west"])
        #expect(back.tasks[0].hasBundle && back.tasks[0].levels == [[0, 1]])
    }

    @Test func `A breaker stays open, and a new number is in force at once`() throws {
        let old = try blueprint(tasks: ["a"], regions: ["east"])
        let now = Instant(nanoseconds: 1_000_000_000)
        var leaf = node(try old.surroundings(seed: 1, now: now))
        for _ in 0..<5 {
            leaf.arrive()
            leaf.frame(.failed(attempt: leaf.calls.last!.attempt, .unreachable))
        }
        #expect(leaf.node.peers[0].breaker.state(now: leaf.now) == .open)
        let new = try blueprint(
            tasks: ["a"], regions: ["east", "west"],
            routing: "{ breaker: { consecutive_failures: 2 } }"
        ).succeeding(old)
        leaf.node.adopt(try new.surroundings(seed: 2, now: leaf.now))
        #expect(leaf.node.peers[0].breaker.state(now: leaf.now) == .open)
        for _ in 0..<2 {
            leaf.arrive()
            #expect(leaf.calls.last?.peer == 1)
            leaf.frame(.failed(attempt: leaf.calls.last!.attempt, .unreachable))
        }
        #expect(leaf.node.peers[1].breaker.state(now: leaf.now) == .open)
    }

    @Test func `A peer that nobody asks any more is not probed`() throws {
        let old = try blueprint(tasks: ["a"], regions: ["east", "west"])
        let new = try blueprint(tasks: ["a"], regions: ["west"]).succeeding(old)
        let now = Instant(nanoseconds: 1_000_000_000)
        var leaf = node(try old.surroundings(seed: 1, now: now))
        leaf.node.adopt(try new.surroundings(seed: 2, now: now))
        leaf.hear(.tick)
        #expect(leaf.probes == [1])
    }

    @Test func `An answer is judged by the bar of the model that made it`() {
        var leaf = TestNode(bar: 0.5, peers: 0)
        leaf.arrive()
        leaf.hear(.modelReady(task: 0, bar: Bar(0.9)))
        leaf.frame(.inferred(Confidence(0.7), alert: nil))
        #expect(leaf.replies == [.local(accepted: true)])
        leaf.arrive()
        leaf.frame(.inferred(Confidence(0.7), alert: nil))
        #expect(leaf.replies.last == .local(accepted: false))
    }

    @Test func `A frame that waits while the bar changes is judged by the bar it begins under`() {
        var leaf = TestNode(bar: 0.5, peers: 0)
        leaf.hear(.workers(1))
        leaf.arrive()
        let first = leaf.id
        leaf.arrive()
        leaf.arrive()
        let last = leaf.id
        #expect(leaf.inferences == 2, "one runs, one is handed to the worker ahead, one waits")
        leaf.hear(.modelReady(task: 0, bar: Bar(0.9)))
        leaf.hear(.frame(first!, .inferred(Confidence(0.7), alert: nil)))
        #expect(leaf.replies.last == .local(accepted: true))
        leaf.hear(.frame(last!, .inferred(Confidence(0.7), alert: nil)))
        #expect(leaf.replies.last == .local(accepted: false))
    }
}
