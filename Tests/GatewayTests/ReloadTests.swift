import Cryptography
import EventLoop
import Ground
import Inference
import Routing
import Testing
import Topology
import Wire

@testable import Gateway

@Suite("A node that takes a new topology", .timeLimit(.minutes(1)))
struct ReloadTests {
    /// Puts a text in force, as a reading of files does.
    private func adopt(_ text: String, _ node: TestGateway) throws {
        let topology = try Topology(validating: TopologyFile(text: text, name: "test.yaml"))
        let reading = TopologySource.Reading(
            topology: topology, digest: Hash.sha256(Array(text.utf8)))
        let context = try NodeContext(
            succeeding: node.control.context, reading,
            node: try #require(topology.node(named: "leaf")))
        let names = try NodeMetrics(
            context.blueprint, registry: node.control.names.registry)
        node.control.adopt(context, names, [])
    }

    private func status(_ node: TestGateway) async -> NodeStatus {
        await withCheckedContinuation { continuation in
            node.hosts[0].post { host in
                node.control.status(on: host.shard.loop) { continuation.resume(returning: $0) }
            }
        }
    }

    @Test(arguments: [1, 2])
    func `A frame under way is answered, judged and signed by the model that began it`(
        loops: Int
    ) async throws {
        let old = FakeModel(.holds)
        let node = try TestGateway(
            Fleet.text(upstream: false), models: ["digits": old], loops: loops)
        let client = try TestClient(node.open)
        defer {
            client.stop()
            node.stop()
        }
        async let held = client.infer(.of("digits", id: "held"))
        while old.seen == 0 { await Task.yield() }
        try adopt(Fleet.text(upstream: false) + "\n  again: { leaf: { builtin: identity } }", node)
        let new = ServedModel(
            model: FakeModel(.answers("8", confidence: 0.85)), bundle: "sha256:new",
            isClassifier: true)
        for host in node.hosts {
            host.post { $0.shard.install(new, task: 0, bar: Bar(0.9)) }
        }
        let next = try await client.infer(.of("digits", id: "next")).get()
        #expect(next.label == "8" && next.isAccepted == false)
        #expect(next.parameters.string("canopy.bundle") == "sha256:new")
        old.become(.answers("7", confidence: 0.85))
        let answer = try await held.get()
        #expect(answer.label == "7" && answer.isAccepted == true)
        #expect(answer.parameters.string("canopy.bundle") == old.id.description)
    }

    @Test func `A task that comes while the node runs does not make it unready`() async throws {
        let node = try TestGateway(
            Fleet.text(upstream: false), models: ["digits": FakeModel(.holds)])
        let client = try TestClient(node.open)
        defer {
            client.stop()
            node.stop()
        }
        let bundle = "sha256:" + String(repeating: "2", count: 64)
        try adopt(
            Fleet.text(upstream: false) + "\n  late: { leaf: { bundle: \"\(bundle)\" } }", node)
        #expect(try await client.http("GET", "/ready").status == 200)
        #expect(try await client.http("GET", "/v2/models/late/ready").status == 503)
        let late = try #require(await status(node).tasks.first { $0.name == "late" })
        #expect(late.model == "loading" && !late.ready)
    }

    @Test func `A task that is gone is unknown, and its numbers stay`() async throws {
        let node = try TestGateway(
            Fleet.text(upstream: false), models: ["digits": FakeModel(.holds)])
        let client = try TestClient(node.open)
        defer {
            client.stop()
            node.stop()
        }
        _ = try await client.infer(.of("echo")).get()
        let text = Fleet.text(upstream: false)
        try adopt(text.replacing("  echo: { leaf: { builtin: identity } }", with: ""), node)
        #expect(await client.infer(.of("echo")).fault?.code == .notFound)
        let known = await status(node)
        #expect(known.tasks.map(\.name) == ["digits"])
        #expect(known.counts.first { $0.name == "canopy_frames_total" }?.count == 1)
        #expect(known.configuration.accepted == 1)
    }

    @Test func `A status says what a node is, follows and is made of`() async throws {
        let node = try TestGateway(Fleet.text(), models: ["digits": FakeModel(.holds)])
        defer { node.stop() }
        let known = await status(node)
        #expect(known.node == "leaf" && known.tier == "leaf" && known.loops == 1)
        #expect(known.ready && !known.draining && known.configuration.accepted == 0)
        let digits = try #require(known.tasks.first)
        #expect(digits.model == "ready" && digits.bar == 0.8 && digits.offline == "fail-safe")
        #expect(digits.tiers.map(\.accept) == ["0.8", ""])
        let region = try #require(known.peers.first)
        #expect(region.name == "region" && region.level == "next" && region.breaker == "closed")
        #expect(known.classes.map(\.share) == [50, 30, 15, 5])
    }
}
