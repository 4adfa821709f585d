import Ground
import Testing

@testable import HTTP

@Suite struct GRPCCallTests {
    @Test func `A unary call is answered with what the service says`() {
        let bench = Bench()
        let (_, handler) = bench.call()
        bench.loop.run()
        #expect(handler.messages == [Array("hello".utf8)])
        #expect(handler.ends.count == 1)
        #expect(handler.status == .ok)
        #expect(bench.budget.used == 0)
    }

    @Test(arguments: [0, 1, 1_000, 4_095, 4_096, 16_384, 16_379, 100_000, 3_000_000])
    func `A message of any size comes back byte for byte`(size: Int) {
        let bench = Bench()
        let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let (_, handler) = bench.call("/test/Echo", message)
        bench.loop.run()
        #expect(handler.messages == [message])
        #expect(handler.status == .ok)
    }

    @Test func `Headers, path and timeout reach the service`() {
        let bench = Bench()
        _ = bench.call("/a.B/C", headers: [("x-trace", "42")], timeout: .milliseconds(1_500))
        bench.loop.run()
        let call = bench.service.handlers[0].call
        #expect(call.path == "/a.B/C")
        #expect(call.header("x-trace") == "42")
        #expect(call.header("x-other") == nil)
        #expect(call.timeout == .milliseconds(1_500))
        #expect(call.isGRPC)
        #expect(call.method == .post)
    }

    @Test func `Many calls that come in one chunk are answered with one send`() {
        let bench = Bench()
        _ = bench.call()
        bench.loop.run()
        bench.ends.server.forget()
        bench.ends.client.forget()
        let calls = (0..<32).map { _ in bench.call() }
        bench.loop.run()
        #expect(calls.allSatisfy { $0.handler.status == .ok })
        #expect(bench.ends.client.sends.count == 1)
        #expect(bench.ends.server.sends.count == 1)
    }

    @Test func `Answers of one later turn leave in one send`() {
        let service = TestService()
        let bench = Bench(service)
        let calls = (0..<8).map { _ in bench.call() }
        bench.loop.run()
        bench.ends.server.forget()
        for handler in service.handlers {
            handler.call.send(message: handler.messages)
            handler.call.finish()
        }
        bench.loop.run()
        #expect(calls.allSatisfy { $0.handler.status == .ok })
        #expect(bench.ends.server.sends.count == 1)
    }

    @Test func `A finished call leaves no RST_STREAM on the wire`() {
        let bench = Bench()
        let (_, handler) = bench.call()
        bench.loop.run()
        #expect(handler.status == .ok)
        #expect(frames(bench.ends.client.sent.dropFirst(24)).allSatisfy { $0.type != Frame.reset })
        #expect(frames(bench.ends.server.sent[...]).allSatisfy { $0.type != Frame.reset })
    }

    @Test func `A fault becomes status, message and retry hint at the caller`() {
        let service = TestService()
        service.onHalfClose = {
            $0.call.finish(
                Fault(
                    .exhausted, "100 % über dem Maß", remedy: "wait",
                    retry: .after(.milliseconds(1_250))))
        }
        let bench = Bench(service)
        let (_, handler) = bench.call()
        bench.loop.run()
        #expect(handler.status?.code == .resourceExhausted)
        #expect(handler.status?.message == "100 % über dem Maß; wait")
        #expect(handler.ends.first?.fault?.retry == .after(.milliseconds(1_250)))
        #expect(handler.ends.first?.fault?.source == .peer)
    }

    @Test func `Both sides stream as long as they like`() {
        let service = TestService()
        service.onMessage = { handler, bytes in handler.call.send(message: [bytes, bytes]) }
        service.onHalfClose = { $0.call.finish() }
        let bench = Bench(service)
        let (call, handler) = bench.call("/test/Stream", nil)
        for index in 0..<5 {
            call.send(message: [Bytes([UInt8(index)])])
            bench.loop.run()
            #expect(handler.messages.count == index + 1)
        }
        #expect(handler.ends.isEmpty)
        call.halfClose()
        bench.loop.run()
        #expect(handler.messages.last == [4, 4])
        #expect(handler.status == .ok)
    }

    @Test func `A cancelled call is heard of on both sides, once`() {
        let service = TestService()
        let bench = Bench(service)
        let (call, handler) = bench.call("/test/Wait", [1, 2, 3])
        bench.loop.run()
        call.cancel()
        call.cancel()
        bench.loop.run()
        #expect(handler.ends.map(\.status.code) == [.cancelled])
        #expect(service.handlers[0].cancellations.map(\.code) == [.cancelled])
        service.handlers[0].call.send(message: [Bytes([1])])
        service.handlers[0].call.finish()
        bench.loop.run()
        #expect(handler.messages.isEmpty)
    }

    @Test func `A call ends at its deadline, and the server hears that it was cancelled`() {
        let service = TestService()
        let bench = Bench(service)
        let first = bench.call(timeout: .milliseconds(300))
        let second = bench.call(timeout: .milliseconds(100))
        bench.loop.advance(.milliseconds(99))
        #expect(second.handler.ends.isEmpty)
        bench.loop.advance(.milliseconds(1))
        #expect(second.handler.status?.code == .deadlineExceeded)
        #expect(first.handler.ends.isEmpty)
        bench.loop.advance(.milliseconds(200))
        #expect(first.handler.status?.code == .deadlineExceeded)
        #expect(service.handlers.allSatisfy { $0.cancellations.count == 1 })
    }

    @Test func `A lost connection ends every call on it, on both sides`() {
        let service = TestService()
        let bench = Bench(service)
        let calls = (0..<3).map { _ in bench.call() }
        bench.loop.run()
        bench.ends.client.close(abruptly: true)
        bench.loop.run()
        #expect(calls.allSatisfy { $0.handler.ends.map(\.status.code) == [.unavailable] })
        #expect(calls.allSatisfy { $0.handler.ends[0].fault?.retry == .elsewhere })
        #expect(service.handlers.allSatisfy { $0.cancellations.count == 1 })
        #expect(bench.server.connections == 0)
        #expect(bench.pool.connections == 0)
    }

    @Test func `A service that answers before the client is done stops its upload`() {
        let service = TestService()
        service.onBegin = { $0.finish(Fault(.forbidden, "not you")) }
        let bench = Bench(service)
        let (call, handler) = bench.call("/test/Upload", nil)
        call.send(message: [Bytes([UInt8](repeating: 1, count: 3_000_000))])
        bench.loop.run()
        #expect(handler.status?.code == .permissionDenied)
        #expect(!call.isOpen)
        #expect(bench.ends.client.sent.count < 3_000_000)
        let next = bench.call()
        bench.loop.run()
        #expect(next.handler.status?.code == .permissionDenied)
    }
}

/// The frames in a stretch of HTTP/2.
func frames(_ bytes: ArraySlice<UInt8>) -> [(type: UInt8, flags: UInt8, length: Int)] {
    var found: [(type: UInt8, flags: UInt8, length: Int)] = []
    var rest = bytes
    while rest.count >= 9 {
        let head = Array(rest.prefix(9))
        let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        found.append((head[3], head[4], length))
        rest = rest.dropFirst(9 + length)
    }
    return found
}
