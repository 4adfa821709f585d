import Ground
import Testing

@testable import HTTP

@Suite struct HTTP1Tests {
    /// Sends `text` to a fresh server; what comes back, and what the service heard.
    private func exchange(
        _ text: String, limits: HTTPLimits = HTTPLimits(), service: TestService = .echo(),
        budget: Int = 64 << 20
    ) -> (answer: String, bench: Bench, server: MemoryTransport) {
        let bench = Bench(service, limits: limits, budget: budget)
        let ends = bench.raw()
        ends.server.inject(text)
        bench.loop.run()
        return (ends.server.text, bench, ends.server)
    }

    @Test func `A request with a length is answered, and the connection stays`() {
        let (answer, _, server) = exchange(
            "POST /v2/x?y=1 HTTP/1.1\r\nHost: a\r\nX-Trace: 7\r\nContent-Length: 5\r\n\r\nhello")
        #expect(
            answer
                == "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello")
        #expect(!server.isClosed)
    }

    @Test func `Target, query, method and headers reach the service`() {
        let service = TestService.echo()
        let text = "PUT /v2/x?y=1 HTTP/1.1\r\nHost: a\r\nX-Trace:  7 \r\nContent-Length: 0\r\n\r\n"
        _ = exchange(text, service: service)
        let call = service.handlers[0].call
        #expect(call.path == "/v2/x")
        #expect(call.query == "y=1")
        #expect(call.method == .put)
        #expect(call.header("x-trace") == "7")
        #expect(!call.isGRPC)
    }

    @Test func `A request that comes byte by byte is the same request`() {
        let bench = Bench()
        let ends = bench.raw()
        let text =
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
        for byte in text.utf8 {
            ends.server.inject([byte])
            bench.loop.run()
        }
        #expect(ends.server.text.hasSuffix("content-length: 5\r\n\r\nabcde"))
        #expect(bench.service.handlers.count == 1)
    }

    @Test func `Pipelined requests are answered one after the other, in order`() {
        let one = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
        let (answer, bench, _) = exchange(one + "1" + one + "2" + one + "3")
        let bodies = answer.split(separator: "HTTP/1.1 200 OK").map { $0.suffix(1) }
        #expect(bodies == ["1", "2", "3"])
        #expect(bench.service.handlers.count == 3)
    }

    @Test func `A second request waits until the first is answered`() {
        let service = TestService()
        let one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let (_, bench, server) = exchange(one + one, service: service)
        #expect(service.handlers.count == 1)
        service.handlers[0].call.respond(status: 200, headers: [], body: [])
        bench.loop.run()
        #expect(service.handlers.count == 2)
        #expect(server.text == "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    }

    @Test func `Past the bound of pipelined bytes reading stops, and goes on later`() {
        var limits = HTTPLimits()
        limits.pipelined = 1_000
        let service = TestService()
        let one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let (_, bench, server) = exchange(
            String(repeating: one, count: 60), limits: limits, service: service)
        #expect(!server.isReading)
        service.onHalfClose = { $0.call.respond(status: 200, headers: [], body: []) }
        service.handlers[0].call.respond(status: 200, headers: [], body: [])
        bench.loop.run()
        #expect(service.handlers.count == 60)
        #expect(server.isReading)
    }

    @Test func `HEAD has a length and no body`() {
        let service = TestService()
        service.onHalfClose = {
            $0.call.respond(status: 200, headers: [], body: [Bytes([1, 2, 3])])
        }
        let (answer, _, _) = exchange(
            "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", service: service)
        #expect(answer == "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n")
    }

    @Test(arguments: [
        ("HTTP/1.1", "close", true), ("HTTP/1.1", "x", false), ("HTTP/1.0", "x", true),
        ("HTTP/1.0", "keep-alive", false),
    ])
    func `The connection closes when version and Connection say so`(
        version: String, connection: String, closes: Bool
    ) {
        let (answer, _, server) = exchange(
            "GET / \(version)\r\nHost: a\r\nConnection: \(connection)\r\n\r\n")
        #expect(answer.contains("connection: close") == closes)
        #expect(server.isClosed == closes)
    }

    @Test func `HTTP 1.0 needs no Host`() {
        #expect(exchange("GET / HTTP/1.0\r\n\r\n").answer.hasPrefix("HTTP/1.1 200"))
    }

    @Test func `A client that waits for 100 Continue gets it once its body has room`() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        let (answer, bench, server) = exchange(head)
        #expect(answer == "HTTP/1.1 100 Continue\r\n\r\n")
        server.inject("ok")
        bench.loop.run()
        #expect(server.text.hasSuffix("\r\n\r\nok"))
    }

    @Test func `A body that is too large is refused before it is sent`() {
        var limits = HTTPLimits()
        limits.message = 1_000
        let (answer, bench, _) = exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n",
            limits: limits)
        #expect(answer.hasPrefix("HTTP/1.1 413 "))
        #expect(answer.contains("1001") && answer.contains("1000"))
        #expect(bench.service.handlers.isEmpty)
    }

    @Test func `A chunked body may not grow past the limit`() {
        var limits = HTTPLimits()
        limits.message = 10
        let (answer, _, _) = exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "8\r\n12345678\r\n3\r\nabc\r\n0\r\n\r\n", limits: limits)
        #expect(answer.hasPrefix("HTTP/1.1 413 "))
    }

    @Test func `Without room in the budget the answer says when to come again`() {
        let (answer, _, _) = exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", budget: 50_000)
        #expect(answer.hasPrefix("HTTP/1.1 429 "))
        #expect(answer.contains("retry-after: 1\r\n"))
    }

    @Test func `gRPC over HTTP 1 is told to use HTTP 2`() {
        let (answer, _, _) = exchange(
            "POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n"
                + "Content-Length: 0\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 415 "))
    }

    @Test func `A client that leaves cancels its call`() {
        let service = TestService()
        let (_, bench, server) = exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n", service: service)
        server.other?.close(abruptly: false)
        bench.loop.run()
        #expect(service.handlers[0].cancellations.map(\.code) == [.cancelled])
        #expect(bench.server.connections == 0)
    }

    @Test func `A drain lets the running request finish and closes`() {
        let service = TestService()
        let (_, bench, server) = exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n", service: service)
        var isDrained = false
        bench.server.drain { isDrained = true }
        bench.loop.run()
        #expect(!isDrained)
        service.handlers[0].call.respond(status: 200, headers: [], body: [])
        bench.loop.run()
        #expect(server.text.contains("connection: close"))
        #expect(isDrained)
    }

    @Test(arguments: [("gzip", 31), ("deflate", 15)] as [(String, Int32)])
    func `A compressed body is handed on in plain`(coding: String, windowBits: Int32) {
        let plain = [UInt8](repeating: 7, count: 50_000)
        let packed = compressed(plain, windowBits: windowBits)
        let bench = Bench()
        let ends = bench.raw()
        ends.server.inject(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: \(coding)\r\nContent-Length: "
                + "\(packed.count)\r\n\r\n")
        ends.server.inject(packed)
        bench.loop.run()
        #expect(ends.server.text.contains("content-length: 50000\r\n"))
        #expect(ends.server.sent.suffix(50_000).elementsEqual(plain))
    }
}

@Suite struct HTTP1AnswerTests {
    @Test func `A header value cannot add a header`() {
        let service = TestService()
        service.onHalfClose = {
            $0.call.respond(status: 200, headers: [("x-a", "b\r\nx-evil: 1")], body: [])
        }
        let bench = Bench(service)
        let ends = bench.raw()
        ends.server.inject("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.loop.run()
        #expect(ends.server.text.contains("x-a: b  x-evil: 1\r\n"))
    }
}
