import EventLoop
import Ground
import Routing
import Synchronization
import Testing
import Wire

@testable import CanopyClient

@Suite("A client of several nodes", .timeLimit(.minutes(1)))
struct RoamingTests {
    private static let far = Interval.milliseconds(300)

    private func client(_ nodes: FakeNode...) throws -> CanopyClient {
        try CanopyClient(nodes: nodes.map { NodeAddress($0.endpoint) }, identity: .plain)
    }

    private func frame() -> Frame {
        var frame = Frame(task: "t", inputs: [InferTensor(name: "i", elements: [[1, 2, 3]])])
        // No test waits for it; a busy machine must not run into it.
        frame.timeout = .seconds(30)
        return frame
    }

    /// All outcomes of a finished stream.
    private func all(_ camera: CameraFeed) async -> [FrameOutcome] {
        camera.finish()
        var all: [FrameOutcome] = []
        for await outcome in camera.outcomes { all.append(outcome) }
        return all
    }

    private func ids(_ camera: String, _ numbers: ClosedRange<Int>) -> [String] {
        numbers.map { "\(camera)/\($0)" }
    }

    @Test func `Sends its frames to the nearest, and to it alone`() async throws {
        let (near, far) = (try FakeNode(.echoes), try FakeNode(.echoes, delay: Self.far))
        let client = try client(far, near)
        defer {
            client.close()
            near.stop()
            far.stop()
        }
        let camera = try client.stream("cam", task: "t")
        for number in 0..<20 { #expect(try camera.send(frame()) == number) }
        let outcomes = await all(camera)
        #expect(outcomes.map(\.sequence) == Array(0..<20))
        #expect(outcomes.allSatisfy { $0.answer != nil && $0.attempts == 1 && $0.stream == "cam" })
        #expect(near.log.ids == ids("cam", 0...19) && far.log.ids.isEmpty)
        let status = try #require(await client.status())
        #expect(status.node?.endpoint == near.endpoint && status.candidates.count == 2)
        #expect(status.counts == ClientStatus.Counts())
    }

    @Test func `A call that comes just as the client closes ends with it`() async throws {
        let (one, other) = (try FakeNode(.echoes), try FakeNode(.echoes))
        let client = try client(one, other)
        defer {
            client.close()
            one.stop()
            other.stop()
        }
        let fault: Fault? = await withCheckedContinuation { continuation in
            client.roamer.post { roamer in
                roamer.close()
                roamer.run(
                    Errand(
                        "/any", [], deadline: roamer.now + .seconds(20), on: roamer,
                        received: { _ in }, finished: { continuation.resume(returning: $0) }))
            }
        }
        #expect(fault?.code == .cancelled)
    }

    @Test func `Tells answers in the order of the frames, though the node swaps them`()
        async throws
    {
        let node = try FakeNode(.swaps)
        let client = try client(node)
        defer {
            client.close()
            node.stop()
        }
        let camera = try client.stream("cam", task: "t")
        for _ in 0..<40 { try camera.send(frame()) }
        let outcomes = await all(camera)
        #expect(outcomes.map(\.sequence) == Array(0..<40))
        #expect(outcomes.allSatisfy { $0.answer?.id == "cam/\($0.sequence)" })
    }

    @Test func `Tells a first answer and a better one under the same number`() async throws {
        let node = try FakeNode(.refines)
        let client = try client(node)
        defer {
            client.close()
            node.stop()
        }
        let camera = try client.stream("cam", task: "t")
        for _ in 0..<2 { try camera.send(frame()) }
        let outcomes = await all(camera)
        #expect(outcomes.map(\.sequence) == [0, 0, 1, 1])
        #expect(outcomes.map(\.isLast) == [false, true, false, true])
    }

    @Test func `Sends again in order, under the same names, what a dead node left unanswered`()
        async throws
    {
        let near = try FakeNode(.hangs)
        let far = try FakeNode(.echoes, delay: .milliseconds(20))
        let client = try client(near, far)
        defer {
            client.close()
            far.stop()
        }
        let cameras = try (0..<4).map { try client.stream("cam-\($0)", task: "t") }
        for _ in 0..<8 { for camera in cameras { try camera.send(frame()) } }
        while near.log.ids.count < 32 { await Task.yield() }
        near.stop()
        for _ in 0..<8 { for camera in cameras { try camera.send(frame()) } }
        for camera in cameras {
            let outcomes = await all(camera)
            #expect(outcomes.map(\.sequence) == Array(0..<16))
            #expect(outcomes.allSatisfy { $0.answer != nil })
            #expect(outcomes.prefix(8).allSatisfy { $0.attempts > 1 })
            let seen = far.log.ids.filter { $0.hasPrefix(camera.name + "/") }
            #expect(seen == ids(camera.name, 0...15))
        }
        let counts = try #require(await client.status()?.counts)
        #expect(counts.moved > 0 && counts.resent >= 32 && counts.dropped == 0)
    }

    @Test func `Leaves a node that drains, with the frames that it refused`() async throws {
        let near = try FakeNode(.echoes)
        let client = try CanopyClient(
            nodes: [NodeAddress(near.endpoint)], identity: .plain)
        defer { client.close() }
        let camera = try client.stream("cam", task: "t")
        try camera.send(frame())
        while await client.status()?.node == nil { await Task.yield() }
        near.stop()
        // The same place, as after a restart.
        let drained = try FakeNode(.drains, port: near.endpoint.port)
        try camera.send(frame())
        drained.stop()
        let back = try FakeNode(.echoes, port: near.endpoint.port)
        defer { back.stop() }
        let outcomes = await all(camera)
        #expect(outcomes.map(\.sequence) == [0, 1])
        #expect(outcomes.allSatisfy { $0.answer != nil })
    }

    @Test func `Keeps frames while no node answers, and drops the oldest beyond its bound`()
        async throws
    {
        let gone = try FakeNode(.echoes)
        gone.stop()
        let client = try client(gone)
        defer { client.close() }
        var options = StreamOptions()
        options.frames = 5
        let camera = try client.stream("cam", task: "t", options: options)
        for _ in 0..<8 { try camera.send(frame()) }
        var reader = camera.outcomes.makeAsyncIterator()
        for number in 0..<3 {
            let outcome = try #require(await reader.next())
            guard case .dropped(.full, let fault) = outcome.result else {
                Issue.record("\(outcome)")
                continue
            }
            #expect(outcome.sequence == number && outcome.attempts == 0)
            #expect(fault.code == .unavailable && fault.message.contains("no node answers"))
        }
        let back = try FakeNode(.echoes, port: gone.endpoint.port)
        defer { back.stop() }
        for number in 3..<8 {
            let outcome = await reader.next()
            #expect(outcome?.sequence == number && outcome?.answer != nil)
        }
        #expect(back.log.ids == ids("cam", 3...7))
        #expect(await client.status()?.counts.dropped == 3)
    }

    @Test func `Refuses frames at once where the stream's rule is to reject`() async throws {
        let node = try FakeNode(.hangs)
        let client = try client(node)
        defer {
            client.close()
            node.stop()
        }
        var options = StreamOptions()
        options.frames = 2
        options.whenFull = .reject
        let camera = try client.stream("cam", task: "t", options: options)
        #expect(try camera.send(frame()) == 0 && camera.send(frame()) == 1)
        let fault = #expect(throws: Fault.self) { try camera.send(frame()) }
        #expect(fault?.code == .exhausted && fault?.message.contains("2 frames") == true)
        camera.cancel()
        let outcomes = await all(camera)
        #expect(outcomes.map(\.sequence) == [0, 1])
        for case .failed(let fault) in outcomes.map(\.result) { #expect(fault.code == .cancelled) }
        #expect(throws: Fault.self) { try camera.send(frame()) }
    }

    @Test func `Says why when nodes answer and let nobody in`() async throws {
        let node = try FakeNode(.forbids)
        let client = try client(node)
        defer {
            client.close()
            node.stop()
        }
        let camera = try client.stream("cam", task: "t")
        for _ in 0..<3 { try camera.send(frame()) }
        let outcomes = await all(camera)
        #expect(outcomes.count == 3)
        for outcome in outcomes {
            guard case .failed(let fault) = outcome.result else {
                Issue.record("\(outcome)")
                continue
            }
            #expect(fault.code == .forbidden)
        }
    }

    @Test func `Given one node, learns of a nearer one and goes there`() async throws {
        let near = try FakeNode(.echoes)
        let told = Neighbour(
            name: "near", address: near.endpoint.description, tier: "leaf", tls: false)
        let hidden = Neighbour(name: "secure", address: "127.0.0.1:1", tier: "leaf", tls: true)
        let seed = try FakeNode(.echoes, delay: Self.far, neighbours: [told, hidden])
        let client = try CanopyClient(seed: NodeAddress(seed.endpoint), identity: .plain)
        defer {
            client.close()
            near.stop()
            seed.stop()
        }
        let (moves, move) = AsyncStream<Move>.makeStream()
        client.onMove { move.yield($0) }
        let camera = try client.stream("cam", task: "t")
        var order: [String?] = []
        for await move in moves {
            order.append(move.to?.endpoint.description)
            if order.count == 2 { break }
        }
        #expect(order == [seed.endpoint.description, near.endpoint.description])
        try camera.send(frame())
        #expect(await all(camera).map(\.sequence) == [0])
        #expect(near.log.ids == ["cam/0"])
        let candidates = try #require(await client.status()?.candidates)
        #expect(candidates.map(\.node.name) == [nil, "near"], "nobody is followed into TLS")
    }

    @Test func `A single call goes to a second node when the first is gone`() async throws {
        let (one, two) = (try FakeNode(.echoes), try FakeNode(.echoes, delay: .milliseconds(20)))
        let client = try client(one, two)
        defer {
            client.close()
            two.stop()
        }
        let request = InferRequest(model: "t", id: "a", inputs: frame().inputs)
        #expect(try await client.infer(request, timeout: .seconds(30)).id == "a")
        #expect(one.log.ids == ["a"])
        one.stop()
        #expect(try await client.infer(request, timeout: .seconds(30)).id == "a")
        #expect(two.log.ids == ["a"])
    }

    @Test func `Ends every frame when it is closed, and takes no more`() async throws {
        let node = try FakeNode(.hangs)
        let client = try client(node)
        defer { node.stop() }
        let camera = try client.stream("cam", task: "t")
        for _ in 0..<3 { try camera.send(frame()) }
        client.close()
        var outcomes: [FrameOutcome] = []
        for await outcome in camera.outcomes { outcomes.append(outcome) }
        #expect(outcomes.map(\.sequence) == [0, 1, 2])
        #expect(throws: Fault.self) { try camera.send(frame()) }
        #expect(throws: Fault.self) { try client.stream("other", task: "t") }
    }

    @Test func `A camera has one stream at a time, and a name`() async throws {
        let node = try FakeNode(.echoes)
        let client = try client(node)
        defer {
            client.close()
            node.stop()
        }
        let camera = try client.stream("cam", task: "t")
        #expect(throws: Fault.self) { try client.stream("cam", task: "t") }
        #expect(throws: Fault.self) { try client.stream("", task: "t") }
        #expect(await all(camera).isEmpty)
        var options = StreamOptions()
        options.firstSequence = 7
        let again = try client.stream("cam", task: "t", options: options)
        #expect(try again.send(frame()) == 7)
        #expect(await all(again).map(\.sequence) == [7])
        options.frames = 0
        #expect(throws: Fault.self) { try client.stream("other", task: "t", options: options) }
    }

    @Test func `Needs nodes, not too many, and each once`() {
        let node = NodeAddress(Endpoint(host: "127.0.0.1", port: 1))
        let many = (1...17).map { NodeAddress(Endpoint(host: "127.0.0.1", port: $0)) }
        for nodes in [[], [node, node], many] {
            #expect(throws: Fault.self) { try CanopyClient(nodes: nodes, identity: .plain) }
        }
        #expect(throws: Fault.self) { try NodeAddress("127.0.0.1") }
    }
}
