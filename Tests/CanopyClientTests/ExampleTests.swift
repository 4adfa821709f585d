import CanopyClient
import Ground
import Testing

/// What the README and the docstrings show to authors of cameras, as it stands there.
@Suite("The examples", .timeLimit(.minutes(1)))
struct ExampleTests {
    @Test func `A camera with a closure, and one that is read as a sequence`() async throws {
        let node = try FakeNode(.echoes)
        defer { node.stop() }
        let address = node.endpoint.description
        let jpeg: [UInt8] = [0xFF, 0xD8]

        let client = try CanopyClient(nodes: [NodeAddress(address)], identity: .plain)
        defer { client.close() }

        let camera = try client.stream("cam-1", task: "meter-digits") { outcome in
            switch outcome.result {
            case .answered(let answer): print(outcome.sequence, answer.label ?? "–")
            case .failed(let fault): print(outcome.sequence, fault)
            case .dropped(let reason, let fault): print(outcome.sequence, reason, fault)
            }
        }
        try camera.send(picture: jpeg)

        let feed = try client.stream("cam-2", task: "meter-digits")
        try feed.send(picture: jpeg)
        feed.finish()
        var seen = 0
        for await outcome in feed.outcomes {
            #expect(outcome.answer != nil)
            seen += 1
        }
        #expect(seen == 1)
    }
}
