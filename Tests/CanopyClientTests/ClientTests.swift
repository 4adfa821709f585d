import Ground
import Routing
import Testing
import Wire

@testable import CanopyClient

@Suite("A client of a node", .timeLimit(.minutes(1)))
struct ClientTests {
    private func request(_ id: String, bytes: Int = 3) -> InferRequest {
        InferRequest(
            model: "t", id: id,
            inputs: [
                InferTensor(
                    name: "i", datatype: .uint8, shape: [bytes],
                    contents: Bytes(slab: Slab(capacity: bytes), start: 0, count: bytes))
            ])
    }

    /// A stream, what it was answered and how it ended.
    private func stream(
        _ client: CanopyClient
    ) -> (FrameStream, AsyncStream<StreamResponse>, AsyncStream<Fault?>) {
        let (answers, answer) = AsyncStream<StreamResponse>.makeStream()
        let (ends, end) = AsyncStream<Fault?>.makeStream()
        let made = client.stream(
            answered: { answer.yield($0) },
            ended: {
                answer.finish()
                end.yield($0)
                end.finish()
            })
        return (made, answers, ends)
    }

    @Test func `A frame is answered, on a connection that stays open`() async throws {
        let node = try FakeNode(.echoes)
        let client = try CanopyClient(node: node.endpoint, security: .plain)
        defer {
            client.close()
            node.stop()
        }
        for id in ["a", "b", "c"] {
            let answer = try await client.infer(request(id), timeout: .seconds(30))
            #expect(answer.id == id && answer.outputs.first?.contents.count == 3)
        }
        #expect(await client.traffic().connections == 1)
    }

    @Test func `A frame says in the protocol's words what its camera said in its own`() {
        var frame = Frame(task: "t", id: "7", picture: [1, 2, 3], input: "pixels")
        #expect(frame.request.parameters.string("canopy.mode") == nil, "the task decides")
        frame.mode = .refine
        frame.workClass = .batch
        frame.accept = 0.5
        frame.timeout = .milliseconds(20)
        frame.stream = "camera-1"
        frame.sequence = 3
        let request = frame.request
        #expect(request.model == "t" && request.id == "7" && request.inputs[0].name == "pixels")
        #expect(
            request.parameters == [
                "timeout": .int64(20_000), "canopy.class": .string("batch"),
                "canopy.mode": .string("refine"), "canopy.accept": .double(0.5),
                "canopy.stream": .string("camera-1"), "canopy.sequence": .int64(3),
            ])
    }

    @Test func `An answer says who gave it and whether a better one follows`() {
        var response = InferResponse(
            model: "t", id: "7", outputs: [InferTensor(name: "label", elements: [[0x39]])])
        #expect(FrameAnswer(response).isFinal && FrameAnswer(response).isAccepted == nil)
        response.parameters = [
            "canopy.tier": .string("leaf"), "canopy.accepted": .bool(false),
            "canopy.degraded": .string("budget"), "canopy.receipt": .string("ab"),
            "canopy.confidence": .double(0.4), "triton_final_response": .bool(false),
        ]
        let answer = FrameAnswer(response)
        #expect(answer.id == "7" && answer.label == "9" && answer.tier == "leaf")
        #expect(answer.isAccepted == false && answer.degraded == "budget" && !answer.isFinal)
        #expect(answer.receipt == "ab" && answer.confidence == 0.4)
    }

    @Test func `A node that is not there is named`() async throws {
        let client = try CanopyClient(
            node: Endpoint(host: "127.0.0.1", port: 1), security: .plain)
        defer { client.close() }
        let fault = await #expect(throws: Fault.self) {
            try await client.infer(request("a"), timeout: .seconds(30))
        }
        #expect(fault?.code == .unavailable && fault?.message.contains("127.0.0.1:1") == true)
    }

    @Test func `A stream's answers come under their ids, and it ends when all have`() async throws {
        let node = try FakeNode(.echoes)
        let client = try CanopyClient(node: node.endpoint, security: .plain)
        defer {
            client.close()
            node.stop()
        }
        let (stream, answers, ends) = stream(client)
        for id in ["a", "b"] { stream.send(request(id)) }
        stream.finish()
        var ids: [String?] = []
        for await answer in answers { ids.append(answer.response?.id) }
        #expect(ids == ["a", "b"])
        for await fault in ends { #expect(fault == nil) }
    }

    @Test func `An answer that cannot be read ends the stream and says why`() async throws {
        let node = try FakeNode(.babbles)
        let client = try CanopyClient(node: node.endpoint, security: .plain)
        defer {
            client.close()
            node.stop()
        }
        let (stream, _, ends) = stream(client)
        stream.send(request("a"))
        for await fault in ends { #expect(fault?.code == .corrupt) }
        await #expect(throws: Fault.self) {
            try await client.infer(request("a"), timeout: .seconds(30))
        }
    }

    @Test func `A stream that is given up ends as cancelled`() async throws {
        let node = try FakeNode(.hangs)
        let client = try CanopyClient(node: node.endpoint, security: .plain)
        defer {
            client.close()
            node.stop()
        }
        let (stream, _, ends) = stream(client)
        stream.send(request("a"))
        stream.cancel()
        for await fault in ends { #expect(fault?.code == .cancelled) }
    }

    @Test func `Frames beyond what a link takes are refused, not kept`() async throws {
        let node = try FakeNode(.deaf)
        let client = try CanopyClient(node: node.endpoint, security: .plain)
        defer {
            client.close()
            node.stop()
        }
        let (stream, answers, _) = stream(client)
        // The memory is not touched: the frames wait, and nothing reads them.
        for id in ["a", "b", "c"] { stream.send(request(id, bytes: 40 << 20)) }
        let refused = await answers.first { _ in true }
        #expect(refused?.response?.id == "c" && refused?.error.contains("bytes wait") == true)
    }

    @Test func `A client may be closed twice, and from a completion`() async throws {
        let node = try FakeNode(.echoes)
        defer { node.stop() }
        let client = try CanopyClient(node: node.endpoint, security: .plain)
        await withCheckedContinuation { continuation in
            client.infer(request("a"), timeout: .seconds(30)) { _ in
                client.close()
                continuation.resume()
            }
        }
        client.close()
        let fault = await #expect(throws: Fault.self) {
            try await client.infer(request("b"), timeout: .seconds(30))
        }
        #expect(fault?.code == .cancelled || fault?.code == .unavailable)
    }

    @Test func `A client that is dropped ends what it has under way`() async throws {
        let node = try FakeNode(.hangs)
        defer { node.stop() }
        var client: CanopyClient? = try CanopyClient(node: node.endpoint, security: .plain)
        let (results, result) = AsyncStream<Result<InferResponse, Fault>>.makeStream()
        client?.infer(request("a"), timeout: .seconds(30)) {
            result.yield($0)
            result.finish()
        }
        client = nil
        for await one in results {
            #expect(throws: Fault.self) { try one.get() }
        }
    }

    @Test func `A client needs a connection`() {
        #expect(throws: Fault.self) {
            try CanopyClient(
                node: Endpoint(host: "127.0.0.1", port: 1), security: .plain, connections: 0)
        }
    }
}
