import Ground
import Testing

@testable import HTTP

@Suite struct TimeBoundsTests {
    @Test func `A connection that says nothing is closed`() {
        let bench = Bench()
        let ends = bench.raw()
        bench.loop.advance(.seconds(9))
        #expect(!ends.server.isClosed)
        bench.loop.advance(.seconds(3))
        #expect(ends.server.isClosed)
        #expect(bench.server.connections == 0)
    }

    @Test func `A head that comes drop by drop is cut off`() {
        let bench = Bench()
        let ends = bench.raw()
        for byte in "GET / HTTP/1.1\r\nHost: abc".utf8 {
            ends.server.inject([byte])
            bench.loop.advance(.seconds(1))
            if ends.server.isClosed { break }
        }
        #expect(ends.server.isClosed)
        #expect(ends.server.text.hasPrefix("HTTP/1.1 408 "))
    }

    @Test func `A header block without an end is cut off`() {
        let bench = Bench()
        let ends = bench.raw()
        ends.server.inject(
            H2Speaker.opening
                + H2Speaker.frame(Frame.headers, flags: 0, stream: 1, H2Speaker.headers()))
        bench.loop.advance(.seconds(12))
        #expect(ends.server.isClosed)
    }

    @Test(arguments: [true, false])
    func `A sender below the minimum rate loses its buffer`(isGRPC: Bool) {
        let service = TestService()
        let bench = Bench(service)
        let ends = bench.raw()
        if isGRPC {
            ends.server.inject(
                H2Speaker.opening + H2Speaker.request(1)
                    + H2Speaker.data(1, H2Speaker.prefix(1_000_000)))
        } else {
            ends.server.inject(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        }
        bench.loop.run()
        #expect(bench.budget.used >= 1_000_000)
        for _ in 0..<12 {
            ends.server.inject(
                isGRPC ? H2Speaker.data(1, [0]) : [0])
            bench.loop.advance(.milliseconds(500))
        }
        #expect(bench.budget.used == 0)
        #expect(service.handlers[0].cancellations.map(\.code) == [.deadline])
    }

    @Test func `A body that is slow but fast enough is taken, until its whole time is over`() {
        var limits = HTTPLimits()
        limits.requestTime = .seconds(20)
        let service = TestService()
        let bench = Bench(service, limits: limits)
        let ends = bench.raw()
        ends.server.inject(
            H2Speaker.opening + H2Speaker.request(1)
                + H2Speaker.data(1, H2Speaker.prefix(200_000)))
        for second in 0..<25 {
            ends.server.inject(H2Speaker.data(1, [UInt8](repeating: 1, count: 5_000)))
            bench.loop.advance(.seconds(1))
            #expect(service.handlers[0].cancellations.isEmpty == (second < 20))
        }
    }

    @Test(arguments: [false, true])
    func `A call whose message never comes is refused, and a stream waits for it`(isStream: Bool) {
        let service = TestService()
        service.isStream = isStream
        let bench = Bench(service)
        let ends = bench.raw()
        ends.server.inject(H2Speaker.opening + H2Speaker.request(1))
        for _ in 0..<12 {
            // Frames without a byte are no message.
            ends.server.inject(H2Speaker.data(1, []))
            bench.loop.advance(.milliseconds(500))
        }
        #expect(service.handlers[0].cancellations.map(\.code) == (isStream ? [] : [.deadline]))
    }

    @Test func `A stream between two messages may rest as long as it likes`() {
        let service = TestService()
        let bench = Bench(service)
        let (call, handler) = bench.call("/test/Stream", nil)
        call.send(message: [Bytes([1])])
        bench.loop.advance(.seconds(600))
        call.send(message: [Bytes([2])])
        bench.loop.run()
        #expect(service.handlers[0].messages.count == 2)
        #expect(handler.ends.isEmpty)
    }

    @Test func `A client that vanished is found by PING`() {
        let service = TestService()
        let bench = Bench(service)
        _ = bench.call()
        bench.loop.run()
        bench.ends.client.isBlackHole = true
        bench.loop.advance(.seconds(45))
        #expect(bench.server.connections == 0)
        #expect(service.handlers[0].cancellations.count == 1)
    }

    @Test func `A client that does not read its answer is cut off`() {
        let service = TestService.echo()
        let bench = Bench(service)
        let ends = bench.raw()
        // The client's window is 65,535 bytes, and it never opens it.
        let body = [UInt8](repeating: 1, count: 100_000)
        var bytes = H2Speaker.opening + H2Speaker.request(1)
        bytes += H2Speaker.data(1, H2Speaker.prefix(100_000))
        for start in stride(from: 0, to: body.count, by: 10_000) {
            bytes += H2Speaker.data(1, end: start == 90_000, Array(body[start..<start + 10_000]))
        }
        ends.server.inject(bytes)
        bench.loop.run()
        #expect(bench.budget.used >= 100_000)
        for _ in 0..<35 {
            ends.server.inject(H2Speaker.frame(Frame.ping, [UInt8](repeating: 0, count: 8)))
            bench.loop.advance(.seconds(1))
        }
        #expect(bench.budget.used == 0)
    }

    @Test func `A socket that takes nothing is closed`() {
        let bench = Bench()
        let ends = bench.raw()
        ends.server.isStalled = true
        ends.server.inject("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.loop.advance(.seconds(40))
        #expect(ends.server.isClosed)
        #expect(ends.server.closedAbruptly)
    }

    @Test func `Past the budget new requests stay in the socket, and come when bytes are back`() {
        let service = TestService()
        let bench = Bench(service, budget: 1 << 20)
        let first = bench.raw()
        let second = bench.raw()
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1030000\r\n\r\n"
        first.server.inject(head)
        first.server.inject([UInt8](repeating: 1, count: 1_030_000))
        bench.loop.run()
        #expect(service.handlers[0].messages.map(\.count) == [1_030_000])
        #expect(bench.budget.isPressed)
        second.server.inject("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.loop.run()
        second.server.inject("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.loop.run()
        #expect(!second.server.isReading)
        #expect(!first.server.isReading)
        service.handlers[0].messages = []
        bench.loop.run()
        #expect(second.server.isReading)
        #expect(first.server.isReading)
        #expect(bench.server.counters.pauses == 2)
    }

    @Test func `A body under way is read on past the budget's mark`() {
        let service = TestService()
        let bench = Bench(service, budget: 1 << 20)
        let ends = bench.raw()
        ends.server.inject("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1030000\r\n\r\n")
        bench.loop.run()
        #expect(bench.budget.isPressed)
        #expect(ends.server.isReading)
        ends.server.inject([UInt8](repeating: 1, count: 1_030_000))
        bench.loop.run()
        #expect(service.handlers[0].halfCloses == 1)
    }

    @Test func `More connections than allowed are turned away`() {
        var limits = HTTPLimits()
        limits.connections = 2
        let bench = Bench(limits: limits)
        let all = (0..<3).map { _ in bench.raw() }
        bench.loop.run()
        #expect(all.map { $0.server.isClosed } == [false, false, true])
        #expect(bench.server.counters.turnedAway == 1)
    }
}
