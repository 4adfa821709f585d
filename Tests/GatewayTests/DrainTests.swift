import Ground
import Inference
import Synchronization
import Testing
import Wire

@testable import Gateway

@Suite("A node that ends", .timeLimit(.minutes(1)))
struct DrainTests {
    @Test func `It answers what it has, takes nothing new, and ends idle streams`() async throws {
        let model = FakeModel(.holds)
        let node = try TestGateway(Fleet.text(), models: ["digits": model])
        let client = try TestClient(node.open)
        let other = try TestClient(node.open)
        defer {
            client.stop()
            other.stop()
            node.stop()
        }
        let held = client.call(RPCPath.modelInfer)
        held.send(InferRequest.of("digits"))
        held.halfClose()
        let busy = client.call(RPCPath.modelStreamInfer)
        busy.send(InferRequest.of("digits", id: "late"))
        let idle = other.call(RPCPath.modelStreamInfer)
        idle.send(InferRequest.of("echo"))
        #expect(try await idle.answer() != nil)
        await node.until { $0.shard.frameCount == 2 }

        let isDrained = Flag()
        await node.onHost { $0.drain { isDrained.set() } }
        #expect(await idle.fault()?.code == .unavailable)
        #expect(!isDrained.isSet)
        busy.send(InferRequest.of("digits", id: "new"))
        let refused = try #require(try await busy.answer())
        #expect(refused.response?.id == "new" && refused.error.contains("drains"))
        #expect(refused.fault?.code == .unavailable, "its client knows to go elsewhere")

        model.become(.answers("7", confidence: 0.9))
        let (messages, fault) = await held.whole()
        #expect(fault == nil && messages.count == 1)
        #expect(try await busy.answer()?.response?.id == "late")
        #expect(await busy.fault()?.code == .unavailable)
        while !isDrained.isSet { await Task.yield() }
    }

    @Test func `A frame that never ends does not keep the node for longer than its limit`()
        async throws
    {
        let node = try TestGateway(Fleet.text(drain: "0s"), models: ["digits": FakeModel(.holds)])
        let client = try TestClient(node.open)
        defer {
            client.stop()
            node.stop()
        }
        let held = client.call(RPCPath.modelInfer)
        held.send(InferRequest.of("digits"))
        await node.until { $0.shard.frameCount == 1 }
        let isDrained = Flag()
        await node.onHost { $0.drain { isDrained.set() } }
        #expect(await held.fault()?.code == .unavailable)
        while !isDrained.isSet { await Task.yield() }
    }

    @Test func `A shard is released with its loop, its jobs' sink notwithstanding`() async throws {
        let found = Found()
        do {
            let node = try TestGateway(
                Fleet.text(), models: ["digits": FakeModel(.answers("7", confidence: 0.9))])
            let client = try TestClient(node.open)
            _ = try await client.infer(.of("digits")).get()
            await node.onHost { found.shard = $0.shard }
            #expect(found.shard != nil)
            client.stop()
            node.stop()
        }
        #expect(found.shard == nil)
    }

    // Unchecked: written on the loop, read after its end.
    private final class Found: @unchecked Sendable { weak var shard: Shard? }

    private final class Flag: Sendable {
        private let state = Mutex(false)
        var isSet: Bool { state.withLock { $0 } }
        func set() { state.withLock { $0 = true } }
    }
}
