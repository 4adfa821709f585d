import EventLoop
import Ground
import Inference
import Routing
import Testing
import Wire

@testable import Gateway

@Suite("Alive and ready", .timeLimit(.minutes(1)))
struct ReadinessTests {
    @Test func `A node lives while its model is on its way, and is ready when it is there`()
        async throws
    {
        let node = try TestGateway(Fleet.text())
        let client = try TestClient(node.open)
        defer {
            client.stop()
            node.stop()
        }
        #expect(try await client.http("GET", "/live").status == 200)
        let waiting = try await client.http("GET", "/ready")
        #expect(waiting.status == 503)
        #expect(waiting.body == "not ready: digits (its model is on its way)\n")
        await node.onHost { host in
            let model = FakeModel(.answers("7", confidence: 1))
            let served = ServedModel(
                model: model, bundle: model.id.description, isClassifier: true)
            host.shard.install(served, task: 0, bar: Bar(0.8))
        }
        #expect(try await client.http("GET", "/ready").status == 200)
        #expect(try await client.http("GET", "/live").status == 200)
    }

    @Test func `A node whose model cannot be had is ready if somebody upstream answers`()
        async throws
    {
        let node = try TestGateway(Fleet.text())
        let client = try TestClient(node.open)
        defer {
            client.stop()
            node.stop()
        }
        await node.onHost { $0.shard.giveUp(task: 0, "no such file") }
        #expect(try await client.http("GET", "/ready").status == 200)
    }

    @Test func `A model that is stuck makes the node not ready, and its frames go upstream`()
        async throws
    {
        let model = FakeModel(.answers("7", confidence: 1))
        let node = try TestGateway(Fleet.text(), models: ["digits": model])
        let client = try TestClient(node.open)
        defer {
            client.stop()
            node.stop()
        }
        let now = MonotonicTime().now
        model.runs(since: now)
        #expect(try await client.http("GET", "/ready").status == 200, "a long job is no fault")
        model.runs(since: now + .nanoseconds(-EngineSettings.defaultInferenceLimit.nanoseconds * 2))
        #expect(try await client.http("GET", "/ready").status == 503)
        #expect(try await client.http("GET", "/live").status == 200)
        // Nobody is there upstream: what matters is that the stuck model was not asked.
        _ = await client.infer(InferRequest.of("digits"))
        #expect(model.seen == 0)
        model.runs(since: nil)
        #expect(try await client.http("GET", "/ready").status == 200)
    }

    @Test func `A model whose engine starts again makes the node not ready, one given up does not`()
        async throws
    {
        let model = FakeModel(.answers("7", confidence: 1))
        let node = try TestGateway(Fleet.text(), models: ["digits": model])
        let client = try TestClient(node.open)
        defer {
            client.stop()
            node.stop()
        }
        model.become(.restarting("signal 9"))
        let page = try await client.http("GET", "/ready")
        #expect(page.status == 503)
        #expect(page.body == "not ready: digits (its model's engine starts again)\n")
        _ = await client.infer(InferRequest.of("digits"))
        #expect(model.seen == 0, "it was not asked")
        model.become(.down("signal 9"))
        #expect(try await client.http("GET", "/ready").status == 200, "a node upstream answers")
        model.become(.serving)
        #expect(try await client.http("GET", "/ready").status == 200)
    }
}
