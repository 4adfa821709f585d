import Ground
import Testing

@testable import HTTP

@Suite struct KeptConnectionTests {
    /// A server that answers each request with `answer`.
    private final class Scene {
        let loop = TestLoop()
        private(set) var connection: KeptConnection!
        private(set) var clients: [MemoryTransport] = []
        private var servers: [MemoryTransport] = []
        private(set) var statuses: [Int] = []

        init() {
            loop.onConnect = { [unowned self] _ in
                let ends = loop.pair()
                clients.append(ends.client)
                servers.append(ends.server)
                return .success(ends.client)
            }
            connection = KeptConnection(
                to: Endpoint(host: "hook", port: 80), on: loop,
                secure: { () throws(Fault) in nil })
        }

        func ask(answer: String? = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") throws {
            try connection.send(OneRequest(path: "/")) { [unowned self] result in
                statuses.append((try? result.get().status) ?? 0)
            }
            loop.run()
            if let answer { clients.last?.inject(answer) }
            loop.run()
        }

        func hangUp() {
            servers.last?.close(abruptly: false)
            loop.run()
        }
    }

    @Test func `Requests one after the other share a connection`() throws {
        let scene = Scene()
        for _ in 1...5 { try scene.ask() }
        #expect(scene.loop.connects == 1 && scene.statuses == [200, 200, 200, 200, 200])
        #expect(scene.clients[0].text.hasPrefix("POST / HTTP/1.1\r\nhost: hook:80\r\n"))
        #expect(!scene.clients[0].text.contains("connection"))
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nmore",
    ])
    func `A connection that cannot be used again is not`(answer: String) throws {
        let scene = Scene()
        try scene.ask(answer: answer)
        #expect(scene.clients[0].isClosed)
        try scene.ask()
        #expect(scene.loop.connects == 2 && scene.statuses == [200, 200])
    }

    @Test func `A connection that was closed meanwhile is replaced`() throws {
        let scene = Scene()
        try scene.ask()
        scene.hangUp()
        try scene.ask()
        #expect(scene.loop.connects == 2 && scene.statuses == [200, 200])
    }

    @Test func `A request that meets the end of its connection goes to a new one, once`() throws {
        let scene = Scene()
        try scene.ask()
        // It is closed just when the request is on its way.
        try scene.ask(answer: nil)
        #expect(scene.loop.connects == 1)
        scene.hangUp()
        #expect(scene.loop.connects == 2 && scene.statuses == [200])
        scene.hangUp()
        #expect(scene.loop.connects == 2 && scene.statuses == [200, 0])
    }

    @Test func `A connection that nobody uses is closed`() throws {
        let scene = Scene()
        try scene.ask()
        scene.loop.advance(KeptConnection.idle + .seconds(1))
        #expect(scene.clients[0].isClosed)
        try scene.ask()
        #expect(scene.loop.connects == 2)
        scene.connection.close()
        scene.loop.run()
        #expect(scene.clients[1].isClosed)
    }

    @Test func `A request beside another has a connection of its own`() throws {
        let scene = Scene()
        try scene.ask(answer: nil)
        try scene.ask()
        #expect(scene.loop.connects == 2 && scene.statuses == [200])
    }
}
