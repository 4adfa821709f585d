import Ground
import Inference
import Testing
import Wire

@testable import Gateway

/// Frames through a node with fake models, over real sockets.
@Suite("Frames through a node", .timeLimit(.minutes(1)))
struct FrameTests {
    /// A leaf below a region, and a client of the leaf.
    struct Pair {
        let leafModel: FakeModel
        let regionModel: FakeModel
        let leaf: TestGateway
        let region: TestGateway
        let client: TestClient

        init(
            leaf: FakeModel.Behaviour, region: FakeModel.Behaviour, loops: Int = 1
        ) throws {
            leafModel = FakeModel(leaf)
            regionModel = FakeModel(region)
            self.region = try TestGateway(
                Fleet.text(region: nil), node: "region", models: ["digits": regionModel])
            self.leaf = try TestGateway(
                Fleet.text(region: self.region.open.port), models: ["digits": leafModel],
                loops: loops)
            client = try TestClient(self.leaf.open)
        }

        func stop() {
            client.stop()
            leaf.stop()
            region.stop()
        }
    }

    @Test func `A sure answer comes from the leaf, with who gave it`() async throws {
        let pair = try Pair(leaf: .answers("7", confidence: 0.9), region: .holds)
        defer { pair.stop() }
        let answer = try await pair.client.infer(.of("digits", id: "a")).get()
        #expect(answer.id == "a" && answer.label == "7" && answer.tier == "leaf")
        #expect(answer.isAccepted == true && answer.degraded == nil)
        #expect(answer.parameters.string("canopy.node") == "leaf")
        #expect(answer.parameters.string("canopy.bundle") == pair.leafModel.id.description)
        #expect(answer.parameters.number("canopy.confidence") == 0.9)
        #expect(pair.regionModel.seen == 0)
    }

    @Test func `An unsure answer escalates, and the way says both hops`() async throws {
        let pair = try Pair(
            leaf: .answers("7", confidence: 0.5), region: .answers("1", confidence: 0.95))
        defer { pair.stop() }
        let answer = try await pair.client.infer(.of("digits")).get()
        #expect(answer.label == "1" && answer.tier == "regional" && answer.isAccepted == true)
        let route = try #require(answer.parameters.string("canopy.route")).split(separator: ";")
        #expect(route.map { $0.prefix { $0 != "=" } } == ["leaf", "region"])
    }

    @Test(arguments: [
        FakeModel.Behaviour.isFull, .fails(Fault(.inner, "the engine has crashed")),
    ])
    func `A frame that the leaf cannot answer is handed on`(
        behaviour: FakeModel.Behaviour
    ) async throws {
        let pair = try Pair(leaf: behaviour, region: .answers("1", confidence: 0.95))
        defer { pair.stop() }
        #expect(try await pair.client.infer(.of("digits")).get().tier == "regional")
    }

    @Test func `With the region away the leaf's answer stands, and says so`() async throws {
        let model = FakeModel(.answers("7", confidence: 0.5))
        let leaf = try TestGateway(Fleet.text(region: 1), models: ["digits": model])
        let client = try TestClient(leaf.open)
        defer {
            client.stop()
            leaf.stop()
        }
        let answer = try await client.infer(.of("digits")).get()
        #expect(answer.tier == "leaf" && answer.isAccepted == false)
        #expect(answer.degraded == "upstream_down")
    }

    @Test func `A full queue with nobody upstream is exhausted, with a time to come back`()
        async throws
    {
        let leaf = try TestGateway(
            Fleet.text(upstream: false), models: ["digits": FakeModel(.isFull)])
        let client = try TestClient(leaf.open)
        defer {
            client.stop()
            leaf.stop()
        }
        let fault = try #require(await client.infer(.of("digits")).fault)
        #expect(fault.code == .exhausted && fault.retry == .after(.milliseconds(100)))
    }

    @Test func `A wrong input is refused in the engine's words and not sent on`() async throws {
        let pair = try Pair(
            leaf: .fails(Fault(.invalid, "the image is no image", source: .client)),
            region: .answers("1", confidence: 0.95))
        defer { pair.stop() }
        let fault = try #require(await pair.client.infer(.of("digits")).fault)
        #expect(fault.code == .invalid && fault.message.contains("the image is no image"))
        #expect(pair.regionModel.seen == 0)
    }

    @Test func `On a stream in refine mode the first answer and the last carry the same id`()
        async throws
    {
        let pair = try Pair(leaf: .answers("7", confidence: 0.5), region: .holds)
        defer { pair.stop() }
        let stream = pair.client.call(RPCPath.modelStreamInfer)
        stream.send(InferRequest.of("digits", id: "x", ["canopy.mode": .string("refine")]))
        stream.halfClose()
        let first = try #require(try await stream.answer()?.response)
        #expect(first.id == "x" && first.tier == "leaf" && first.isFinal == false)
        #expect(first.parameters.string("canopy.receipt") == nil)
        pair.regionModel.become(.answers("1", confidence: 0.95))
        let last = try #require(try await stream.answer()?.response)
        #expect(last.id == "x" && last.tier == "regional" && last.isFinal == true)
        #expect(try await stream.answer() == nil, "the stream ends after the last answer")
        #expect(await stream.fault() == nil)
    }

    @Test func `One bad request of a stream is told so under its id, and the stream goes on`()
        async throws
    {
        let pair = try Pair(leaf: .answers("7", confidence: 0.9), region: .holds)
        defer { pair.stop() }
        let stream = pair.client.call(RPCPath.modelStreamInfer)
        stream.send(InferRequest.of("nobody", id: "bad"))
        stream.send(InferRequest.of("digits", id: "good"))
        let bad = try #require(try await stream.answer())
        #expect(bad.response?.id == "bad" && bad.error.contains("nobody"))
        #expect(try await stream.answer()?.response?.id == "good")
        stream.cancel()
    }

    @Test(arguments: [RPCPath.modelInfer, RPCPath.modelStreamInfer])
    func `A client that goes away takes its frames with it`(path: String) async throws {
        let pair = try Pair(leaf: .holds, region: .holds)
        defer { pair.stop() }
        let call = pair.client.call(path)
        call.send(InferRequest.of("digits"))
        await pair.leaf.until { $0.shard.frameCount == 1 }
        call.cancel()
        await pair.leaf.until { $0.shard.frameCount == 0 }
        let jobs = pair.leafModel.takeHeld()
        #expect(jobs.count == 1)
        #expect(jobs.allSatisfy { !$0.cancel() }, "the job was given up already")
    }

    @Test func `Bytes that are no request end a stream and the frames on it`() async throws {
        let pair = try Pair(leaf: .holds, region: .holds)
        defer { pair.stop() }
        let stream = pair.client.call(RPCPath.modelStreamInfer)
        stream.send(InferRequest.of("digits"))
        await pair.leaf.until { $0.shard.frameCount == 1 }
        stream.send(Garbage())
        #expect(await stream.fault()?.code == .invalid)
        await pair.leaf.until { $0.shard.frameCount == 0 }
    }

    @Test func `An identity task answers with its inputs, and only those that were asked for`()
        async throws
    {
        let pair = try Pair(leaf: .holds, region: .holds)
        defer { pair.stop() }
        var request = InferRequest.of("echo")
        request.inputs.append(InferTensor(name: "more", elements: [[4]]))
        #expect(try await pair.client.infer(request).get().outputs.map(\.name) == ["image", "more"])
        request.outputs = [InferRequest.Output(name: "more")]
        #expect(try await pair.client.infer(request).get().outputs.map(\.name) == ["more"])
    }

    @Test func `A bundle that is not served is not answered by another one`() async throws {
        let pair = try Pair(leaf: .answers("7", confidence: 0.9), region: .holds)
        defer { pair.stop() }
        var request = InferRequest.of("digits")
        request.version = pair.leafModel.id.description
        #expect(try await pair.client.infer(request).get().label == "7")
        request.version = "sha256:" + String(repeating: "2", count: 64)
        let fault = try #require(await pair.client.infer(request).fault)
        #expect(fault.code == .notFound && fault.message.contains("sha256:1111"))
        request.version = "latest"
        #expect(await pair.client.infer(request).fault?.code == .invalid)
    }

    @Test func `A receipt is settled by the refinement, and any loop of the node knows it`()
        async throws
    {
        let pair = try Pair(leaf: .answers("7", confidence: 0.5), region: .holds, loops: 2)
        let other = try TestClient(Endpoint(host: "127.0.0.1", port: pair.leaf.ports[1][0]))
        defer {
            other.stop()
            pair.stop()
        }
        let first = try await pair.client.infer(
            .of("digits", ["canopy.mode": .string("refine")])
        ).get()
        #expect(first.tier == "leaf" && first.isAccepted == false)
        let receipt = try #require(first.parameters.string("canopy.receipt"))
        #expect(try await other.http("GET", "/v2/receipts/\(receipt)").status == 202)
        pair.regionModel.become(.answers("1", confidence: 0.95))
        await pair.leaf.until { $0.shard.frameCount == 0 }
        let answer = try await other.http("GET", "/v2/receipts/\(receipt)")
        #expect(answer.status == 200 && answer.body.contains(#""canopy.tier":"regional""#))
        #expect(try await other.http("GET", "/v2/receipts/0").status == 404)
    }

    private struct Garbage: WireMessage {
        static func decode(_ bytes: Bytes) throws(Fault) -> Garbage { Garbage() }
        func encode() -> [Bytes] { [Bytes([0xFF, 0xFF, 0xFF])] }
    }
}

extension Result {
    /// Why it failed, or `nil`.
    var fault: Failure? { if case .failure(let fault) = self { fault } else { nil } }
}
