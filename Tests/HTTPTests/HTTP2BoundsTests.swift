import Ground
import Testing

@testable import HTTP

@Suite struct HTTP2BoundsTests {
    /// A server that was sent `bytes` on one connection.
    private func feed(
        _ bytes: [UInt8], limits: HTTPLimits = HTTPLimits(), budget: Int = 64 << 20,
        service: TestService = .echo()
    ) -> (bench: Bench, server: MemoryTransport) {
        let bench = Bench(service, limits: limits, budget: budget)
        let ends = bench.raw()
        ends.server.inject(H2Speaker.opening + bytes)
        bench.loop.run()
        return (bench, ends.server)
    }

    @Test func `A message over the limit is refused with both sizes`() {
        var limits = HTTPLimits()
        limits.message = 1_000
        let bench = Bench(limits: limits)
        let (_, handler) = bench.call("/test/Echo", [UInt8](repeating: 0, count: 1_001))
        bench.loop.run()
        #expect(handler.status?.code == .resourceExhausted)
        #expect(handler.status?.message.contains("1001") == true)
        #expect(handler.status?.message.contains("1000") == true)
        #expect(bench.service.handlers[0].cancellations.count == 1)
    }

    @Test func `Without room in the budget the call is refused with a time to come again`() {
        let bench = Bench(budget: 50_000)
        let (_, handler) = bench.call("/test/Echo", [UInt8](repeating: 0, count: 60_000))
        bench.loop.run()
        #expect(handler.status?.code == .resourceExhausted)
        #expect(handler.ends.first?.fault?.retry == .after(.milliseconds(100)))
        #expect(bench.budget.used == 0)
    }

    @Test func `A thousand connections that each promise two gigabytes hold nothing`() {
        var limits = HTTPLimits()
        limits.message = .max
        let service = TestService()
        let bench = Bench(service, limits: limits, budget: 64 << 20)
        for index in 0..<1_000 {
            let ends = bench.raw()
            if index % 2 == 0 {
                ends.server.inject(
                    H2Speaker.opening + H2Speaker.request(1)
                        + H2Speaker.data(1, H2Speaker.prefix(2 << 30)))
            } else {
                ends.server.inject(
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2147483648\r\n\r\n")
            }
        }
        bench.loop.run()
        #expect(bench.server.connections == 1_000)
        #expect(bench.budget.used == 0)
        #expect(bench.budget.refused == 1_000)
        #expect(service.handlers.allSatisfy { $0.cancellations.count == 1 })
    }

    @Test func `A promise that has room is reserved whole, and freed when its sender leaves`() {
        let (bench, server) = feed(
            H2Speaker.request(1) + H2Speaker.data(1, H2Speaker.prefix(1_000_000) + [1, 2, 3]))
        #expect(bench.budget.used >= 1_000_000)
        server.other?.close(abruptly: true)
        bench.loop.run()
        #expect(bench.budget.used == 0)
    }

    @Test(
        arguments: [
            ("an empty message", H2Speaker.prefix(0), 1), ("half a prefix", [0, 0], 0),
            ("half a message", H2Speaker.prefix(10) + [1], 0),
            ("a wrong flag", [2, 0, 0, 0, 0], 0),
            ("a compressed message of no coding", H2Speaker.prefix(1, flag: 1) + [1], 0),
        ] as [(String, [UInt8], Int)])
    func `Only whole messages reach the handler`(what: String, bytes: [UInt8], messages: Int) {
        let service = TestService()
        let (bench, server) = feed(
            H2Speaker.request(1) + H2Speaker.data(1, end: true, bytes), service: service)
        #expect(service.handlers[0].messages.count == messages, "\(what)")
        #expect(service.handlers[0].cancellations.count == 1 - messages, "\(what)")
        #expect(bench.budget.used == 0)
        #expect(!server.isClosed)
    }

    @Test func `A compressed message is handed on in plain, up to the limit`() {
        var limits = HTTPLimits()
        limits.message = 60_000
        for (size, expected) in [(60_000, 1), (60_001, 0)] {
            let packed = compressed([UInt8](repeating: 9, count: size), windowBits: 31)
            let service = TestService()
            let (bench, _) = feed(
                H2Speaker.request(1, [("grpc-encoding", "gzip")])
                    + H2Speaker.data(
                        1, end: true, H2Speaker.prefix(UInt32(packed.count), flag: 1) + packed),
                limits: limits, service: service)
            #expect(service.handlers[0].messages.map(\.count) == (expected == 1 ? [size] : []))
            #expect(service.handlers[0].cancellations.count == 1 - expected)
            service.handlers[0].messages = []
            #expect(bench.budget.used == 0)
        }
    }

    @Test func `A message cut at every place is the same message`() {
        let service = TestService()
        let whole =
            H2Speaker.prefix(3) + [1, 2, 3] + H2Speaker.prefix(0) + H2Speaker.prefix(1) + [4]
        let pieces = whole.flatMap { H2Speaker.data(1, [$0]) } + H2Speaker.data(1, end: true, [])
        _ = feed(H2Speaker.request(1) + pieces, service: service)
        #expect(service.handlers[0].messages.map(\.array) == [[1, 2, 3], [], [4]])
        #expect(service.handlers[0].halfCloses == 1)
    }

    @Test(arguments: [
        ("PING", H2Speaker.frame(Frame.ping, [UInt8](repeating: 0, count: 8))),
        ("SETTINGS", H2Speaker.frame(Frame.settings)),
        ("PRIORITY", H2Speaker.frame(Frame.priority, stream: 1, [0, 0, 0, 3, 1])),
        ("empty DATA", H2Speaker.data(1, [])),
    ])
    func `A flood of frames that bring nothing ends the connection`(what: String, one: [UInt8]) {
        let flood = (0..<700).flatMap { _ in one }
        let (bench, server) = feed(H2Speaker.request(1) + flood)
        #expect(server.isClosed, "\(what)")
        #expect(H2Speaker.types(server.sent).contains(Frame.goAway), "\(what)")
        #expect(bench.server.connections == 0)
    }

    @Test func `Rapid resets end the connection`() {
        let service = TestService()
        var bytes: [UInt8] = []
        for index in 0..<1_500 {
            let stream = UInt32(2 * index + 1)
            bytes += H2Speaker.request(stream)
            bytes += H2Speaker.frame(Frame.reset, stream: stream, [0, 0, 0, 8])
        }
        let (_, server) = feed(bytes, service: service)
        #expect(server.isClosed)
        #expect(service.handlers.count < 1_500)
        #expect(service.handlers.allSatisfy { $0.cancellations.count == 1 })
    }

    @Test func `A flood of CONTINUATION frames ends the connection`() {
        let block = H2Speaker.headers()
        var bytes = H2Speaker.frame(Frame.headers, flags: 0, stream: 1, block)
        for _ in 0..<50 {
            bytes += H2Speaker.frame(9, flags: 0, stream: 1, H2Speaker.literal("x", "y"))
        }
        let (bench, server) = feed(bytes)
        #expect(server.isClosed)
        #expect(bench.service.handlers.isEmpty)
    }

    @Test func `Headers over the limit are refused, and the connection lives`() {
        let bench = Bench()
        let (_, handler) = bench.call(headers: [("x-large", String(repeating: "a", count: 20_000))])
        bench.loop.run()
        #expect(handler.status?.code == .resourceExhausted)
        #expect(bench.service.handlers.isEmpty)
        let next = bench.call()
        bench.loop.run()
        #expect(next.handler.status == .ok)
        #expect(bench.pool.counters.connectionsOpened == 1)
    }

    @Test func `A target over the limit is refused`() {
        let bench = Bench()
        let (_, handler) = bench.call("/" + String(repeating: "a", count: 5_000))
        bench.loop.run()
        #expect(handler.status?.code == .invalidArgument)
        #expect(bench.service.handlers.isEmpty)
    }

    @Test func `More streams than allowed are refused, none is lost`() {
        var limits = HTTPLimits()
        limits.streams = 4
        let service = TestService()
        let bytes = (0..<6).flatMap { H2Speaker.request(UInt32(2 * $0 + 1)) }
        let (_, server) = feed(bytes, limits: limits, service: service)
        #expect(service.handlers.count == 4)
        #expect(!server.isClosed || service.handlers.allSatisfy { $0.cancellations.count == 1 })
    }

    @Test func `A flood of streams that are refused ends the connection`() {
        var limits = HTTPLimits()
        limits.streams = 4
        let service = TestService()
        let bytes = (0..<1_500).flatMap { H2Speaker.request(UInt32(2 * $0 + 1)) }
        let (_, server) = feed(bytes, limits: limits, service: service)
        #expect(server.isClosed)
        #expect(service.handlers.count == 4)
        #expect(service.handlers.allSatisfy { $0.cancellations.count == 1 })
    }

    @Test func `What a handler does not read is not reserved`() {
        let service = TestService()
        service.bodyLimit = 100
        let bench = Bench(service, budget: 64 << 20)
        let ends = bench.raw()
        ends.server.inject("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
        bench.loop.run()
        #expect(bench.budget.used == 0)
        #expect(ends.server.text.hasPrefix("HTTP/1.1 413 "))
        #expect(service.handlers.map(\.cancellations.count) == [1])
    }

    @Test func `A malformed timeout is refused`() {
        let bench = Bench()
        let (_, handler) = bench.call(headers: [("grpc-timeout", "soon")])
        bench.loop.run()
        #expect(handler.status?.code == .invalidArgument)
        #expect(handler.status?.message.contains("soon") == true)
    }

    @Test func `Random bytes never harm more than their own connection`() {
        var random = Randomness(seed: 11)
        let bench = Bench()
        let good = bench.call()
        bench.loop.run()
        #expect(good.handler.status == .ok)
        let whole =
            H2Speaker.opening + H2Speaker.request(1)
            + H2Speaker.data(1, end: true, H2Speaker.prefix(3) + [1, 2, 3])
        for round in 0..<400 {
            let ends = bench.raw()
            var bytes = round % 2 == 0 ? whole : []
            for _ in 0..<1 + random.next() % 8 {
                if bytes.isEmpty || round % 2 == 1 {
                    bytes.append(UInt8(truncatingIfNeeded: random.next()))
                } else {
                    bytes[Int(random.next() % UInt64(bytes.count))] ^=
                        1 << UInt8(random.next() % 8)
                }
            }
            ends.server.inject(bytes)
            bench.loop.run()
            ends.server.other?.close(abruptly: true)
            bench.loop.run()
        }
        let after = bench.call()
        bench.loop.run()
        #expect(after.handler.status == .ok)
        bench.service.handlers = []
        #expect(bench.budget.used == 0)
        #expect(bench.server.connections == 1)
    }

    @Test func `REST over HTTP 2 is answered with status, length and body`() {
        let service = TestService.echo()
        let body = Array("{\"inputs\":[]}".utf8)
        let (_, server) = feed(
            H2Speaker.request(1, [("content-length", "\(body.count)")], isGRPC: false)
                + H2Speaker.data(1, end: true, body), service: service)
        #expect(!service.handlers[0].call.isGRPC)
        #expect(service.handlers[0].halfCloses == 1)
        #expect(server.sent.suffix(body.count).elementsEqual(body))
    }
}

@Suite struct StreamingAnswerTests {
    @Test
    func `A stream whose reader does not read is cut off at the bound, and its bytes come back`() {
        var limits = HTTPLimits()
        limits.unread = 100_000
        let service = TestService()
        let bench = Bench(service, limits: limits)
        let ends = bench.raw()
        ends.server.inject(H2Speaker.opening + H2Speaker.request(1))
        bench.loop.run()
        let call = service.handlers[0].call
        var sent = 0
        while call.isOpen && sent < 100 {
            let slab = bench.budget.allocate(capacity: 10_000)
            call.send(message: [Bytes(slab: slab!, start: 0, count: 10_000)])
            bench.loop.run()
            sent += 1
        }
        // 65,535 bytes fit the client's window, 100,000 may wait.
        #expect(sent > 16 && sent < 20)
        #expect(service.handlers[0].cancellations.map(\.code) == [.exhausted])
        #expect(bench.budget.used == 0)
    }

    @Test func `A streaming handler hears that its bytes have left`() {
        final class Source: CallHandler {
            let call: ServerCall
            var left = 20
            init(_ call: ServerCall) { self.call = call }
            func message(_ bytes: Bytes) {}
            func cancelled(_ fault: Fault) {}
            func halfClosed() { fill() }
            func advanced() { fill() }
            /// Never more than two messages wait.
            func fill() {
                while left > 0 && call.unsent < 20_000 {
                    call.send(message: [Bytes([UInt8](repeating: 1, count: 10_000))])
                    left -= 1
                }
                if left == 0 { call.finish() }
            }
        }
        final class Streaming: Service {
            func begin(_ call: ServerCall) -> any CallHandler { Source(call) }
        }
        let bench = Bench()
        let streaming = Server(
            Streaming(), budget: bench.budget, network: bench.loop, hooks: bench.loop.hooks)
        bench.loop.onConnect = { [loop = bench.loop] _ in
            let ends = loop.pair()
            streaming.accept(ends.server)
            return .success(ends.client)
        }
        let (_, handler) = bench.call()
        bench.loop.run()
        #expect(handler.messages.count == 20)
        #expect(handler.status == .ok)
    }

    @Test func `HEAD over HTTP 2 has a length and no body`() {
        let service = TestService()
        service.onHalfClose = { $0.call.respond(status: 200, headers: [], body: [Bytes([1, 2])]) }
        let bench = Bench(service)
        let ends = bench.raw()
        var block = H2Speaker.literal(":method", "HEAD") + [0x86]
        block += H2Speaker.literal(":path", "/") + H2Speaker.literal(":authority", "a")
        ends.server.inject(
            H2Speaker.opening + H2Speaker.frame(Frame.headers, flags: 0x5, stream: 1, block))
        bench.loop.run()
        #expect(service.handlers[0].call.method == .head)
        #expect(!H2Speaker.types(ends.server.sent).contains(Frame.data))
    }
}
