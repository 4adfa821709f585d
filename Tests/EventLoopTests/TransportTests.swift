import Ground
import Testing

@testable import EventLoop

@Test func `A megabyte goes and comes back unchanged, and every byte is counted`() throws {
    let sent = Bytes.pattern(1 << 20)
    let client = Collector()
    var counted = (in: 0, out: 0)
    var serverCounted = (in: 0, out: 0)
    try onLoop { loop in
        var server: SocketTransport?
        let listener = try loop.listen(on: loopback) { transport in
            server = transport
            transport.receiver = Echo(transport)
        }
        loop.dial(listener) { transport in
            transport.receiver = client
            client.onBytes = {
                if client.bytes.count == sent.count { transport.close(abruptly: false) }
            }
            client.onClosed = {
                counted = (transport.bytesIn, transport.bytesOut)
                serverCounted = (server!.bytesIn, server!.bytesOut)
                loop.stop()
            }
            transport.send([
                sent[0..<1], sent[1..<1], sent[1..<500_000], sent[500_000..<sent.count],
            ])
        }
    }
    #expect(client.bytes == sent.array)
    #expect(client.isClosed && client.fault == nil)
    #expect(counted == (sent.count, sent.count))
    #expect(serverCounted == (sent.count, sent.count))
}

@Test func `A reader that stops makes the sender keep its bytes, and none is lost`() throws {
    let sent = Bytes.pattern(16 << 20)
    let server = Collector()
    let client = Collector()
    var heldBack = 0
    try onLoop { loop in
        let listener = try loop.listen(on: loopback) { transport in
            transport.receiver = server
            transport.setReading(false)
            loop.schedule(after: .milliseconds(50)) { transport.setReading(true) }
        }
        server.onBytes = { if server.bytes.count == sent.count { loop.stop() } }
        loop.dial(listener) { transport in
            transport.receiver = client
            transport.send([sent])
            heldBack = transport.unsent
            #expect(transport.bytesOut + transport.unsent == sent.count)
        }
    }
    #expect(heldBack > 0)
    #expect(client.drains == 1)
    #expect(server.bytes == sent.array)
}

@Test func `Sends behind a full socket keep their order`() throws {
    let parts = (0..<24).map { Bytes.pattern(400_000, seed: $0) }
    let server = Collector()
    var counters = LoopCounters()
    try onLoop { loop in
        let listener = try loop.listen(on: loopback) { $0.receiver = server }
        let total = parts.reduce(0) { $0 + $1.count }
        server.onBytes = {
            guard server.bytes.count == total else { return }
            counters = loop.counters
            loop.stop()
        }
        loop.dial(listener) { transport in
            transport.receiver = Collector()
            for part in parts { transport.send([part]) }
        }
    }
    #expect(server.bytes == parts.flatMap(\.array))
    #expect(counters.queuedWrites > 0)
}

@Test func `A small message is written at once, without a queue`() throws {
    var counters = LoopCounters()
    try onLoop { loop in
        let client = Collector()
        let listener = try loop.listen(on: loopback) { $0.receiver = Echo($0) }
        loop.dial(listener) { transport in
            transport.receiver = client
            transport.send([Bytes.pattern(5), Bytes.pattern(1_000)])
            #expect(transport.unsent == 0)
            client.onBytes = {
                if client.bytes.count == 1_005 {
                    counters = loop.counters
                    loop.stop()
                }
            }
        }
    }
    #expect(counters.tryWrites >= 2)
    #expect(counters.queuedWrites == 0)
}

@Test func `A half-closed stream still carries the answer`() throws {
    let client = Collector()
    let server = HalfCloseCollector()
    try onLoop { loop in
        let listener = try loop.listen(on: loopback) { transport in
            transport.receiver = server
            server.onEnd = {
                // Later, so that an eager close would be seen.
                loop.schedule(after: .milliseconds(5)) {
                    transport.send([Bytes.pattern(300_000)])
                    transport.finishSending()
                }
            }
        }
        var open = 2
        let end = {
            open -= 1
            if open == 0 { loop.stop() }
        }
        client.onClosed = end
        server.onClosed = end
        loop.dial(listener) { transport in
            transport.receiver = client
            transport.send([Bytes.pattern(100)])
            transport.finishSending()
            transport.send([Bytes.pattern(7)])
        }
    }
    #expect(server.bytes == Bytes.pattern(100).array)
    #expect(client.bytes == Bytes.pattern(300_000).array)
    #expect(client.isClosed && client.fault == nil)
    #expect(server.isClosed && server.fault == nil)
}

@Test func `An orderly close delivers what was unsent`() throws {
    let sent = Bytes.pattern(8 << 20)
    let server = Collector()
    let client = Collector()
    try onLoop { loop in
        server.onClosed = loop.stop
        let listener = try loop.listen(on: loopback) { transport in
            transport.receiver = server
            // Unread bytes of ours must not turn the close into a reset.
            transport.send([Bytes.pattern(1_000)])
        }
        loop.dial(listener) { transport in
            transport.receiver = client
            transport.send([sent])
            transport.close(abruptly: false)
        }
    }
    #expect(server.bytes == sent.array)
    #expect(server.isClosed && server.fault == nil)
    #expect(client.isClosed && client.fault == nil)
}

@Test func `An abrupt close is a fault at both ends`() throws {
    let server = Collector()
    let client = Collector()
    try onLoop { loop in
        server.onClosed = loop.stop
        let listener = try loop.listen(on: loopback) { $0.receiver = server }
        loop.dial(listener) { transport in
            transport.receiver = client
            transport.send([Bytes.pattern(10)])
            server.onBytes = { transport.close(abruptly: true) }
        }
    }
    #expect(server.fault?.code == .unavailable)
    #expect(server.fault?.source == .peer)
    #expect(server.fault?.message.contains("ECONNRESET") == true)
    #expect(client.fault?.code == .cancelled)
}

@Test func `A sender learns of a reset peer, and later sends are quiet`() throws {
    let client = Collector()
    try onLoop { loop in
        client.onClosed = loop.stop
        let listener = try loop.listen(on: loopback) { transport in
            let server = Collector()
            transport.receiver = server
            server.onBytes = { transport.close(abruptly: true) }
        }
        loop.dial(listener) { transport in
            transport.receiver = client
            transport.setReading(false)
            func press() {
                transport.send([Bytes.pattern(1_000)])
                if !client.isClosed { loop.schedule(after: .milliseconds(1), press) }
            }
            press()
        }
    }
    #expect(client.fault?.source == .peer)
}

@Test func `An ending loop closes what is open and says so`() throws {
    let server = Collector()
    let client = Collector()
    try onLoop { loop in
        let listener = try loop.listen(on: loopback) { $0.receiver = server }
        loop.dial(listener) { transport in
            transport.receiver = client
            transport.send([Bytes.pattern(10)])
        }
        server.onBytes = loop.stop
    }
    #expect(server.isClosed && server.fault?.code == .cancelled)
    #expect(client.isClosed && client.fault?.code == .cancelled)
}

@Test func `A peer that never finishes does not hold a closing stream for ever`() throws {
    let client = Collector()
    try onLoop { loop in
        client.onClosed = loop.stop
        let listener = try loop.listen(on: loopback) { $0.receiver = HalfCloseCollector() }
        loop.dial(listener) { transport in
            transport.receiver = client
            transport.patience.linger = .milliseconds(20)
            transport.send([Bytes.pattern(10)])
            transport.close(abruptly: false)
        }
    }
    #expect(client.isClosed && client.fault == nil)
}

@Test func `A peer that reads nothing any more is cut while its stream is closing`() throws {
    let client = Collector()
    try onLoop { loop in
        client.onClosed = loop.stop
        let listener = try loop.listen(on: loopback) { transport in
            transport.receiver = Collector()
            transport.setReading(false)
        }
        loop.dial(listener) { transport in
            transport.receiver = client
            transport.patience.flush = .milliseconds(20)
            transport.send([Bytes.pattern(16 << 20)])
            transport.close(abruptly: false)
        }
    }
    #expect(client.fault?.code == .deadline)
    #expect(client.fault?.source == .peer)
}
