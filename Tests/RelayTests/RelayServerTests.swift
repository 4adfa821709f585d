import EventLoop
import Ground
import Testing

@testable import relay

private let loopback = Endpoint(host: "127.0.0.1", port: 0)

/// A loop with an echo server, a relay before it, and clients of the relay.
private final class Bench {
    let loop: Loop
    let relay: RelayServer
    let listener: Listener
    private(set) var echoed = 0

    init(_ impairment: Impairment, loop: Loop) throws {
        self.loop = loop
        let echo = try loop.listen(on: loopback) { $0.receiver = Echo($0) }
        relay = RelayServer(loop: loop, target: echo.endpoint, impairment: impairment, seed: 5)
        listener = try relay.listen(on: loopback)
    }

    /// Connects a client that hands what it receives to `onBytes`.
    func dial(_ body: @escaping (SocketTransport, Client) -> Void) {
        loop.open(to: listener.endpoint, timeout: .seconds(10)) { result in
            guard case .success(let transport) = result else { return self.loop.stop() }
            let client = Client()
            transport.receiver = client
            body(transport, client)
        }
    }

    func after(_ milliseconds: Int64, _ body: @escaping () -> Void) {
        loop.schedule(after: .milliseconds(milliseconds), body)
    }
}

/// Sends back what comes, keeps the stream open for it, and holds no more than it must.
private final class Echo: HalfCloseReceiver {
    private let transport: SocketTransport
    init(_ transport: SocketTransport) { self.transport = transport }

    func received(_ bytes: UnsafeRawBufferPointer) {
        transport.send([Bytes(copying: bytes)])
        if transport.unsent > 262_144 { transport.setReading(false) }
    }
    func drained() { transport.setReading(true) }
    func receivedEnd() { transport.finishSending() }
    func closed(_ fault: Fault?) {}
}

private final class Client: TransportReceiver {
    var bytes: [UInt8] = []
    var isClosed = false
    var fault: Fault?
    var onBytes: () -> Void = {}
    var onClosed: () -> Void = {}

    func received(_ bytes: UnsafeRawBufferPointer) {
        self.bytes.append(contentsOf: bytes)
        onBytes()
    }
    func drained() {}
    func closed(_ fault: Fault?) {
        (isClosed, self.fault) = (true, fault)
        onClosed()
    }
}

private func onBench(
    _ impairment: Impairment = Impairment(), _ body: (Bench) throws -> Void
) throws {
    let loop = try Loop()
    loop.schedule(after: .seconds(60)) {
        Issue.record("the test did not stop its loop")
        loop.stop()
    }
    try body(Bench(impairment, loop: loop))
    loop.run()
    #expect(loop.hasEndedCleanly)
}

@Test func `Bytes pass a delayed, lossy, reordering link unchanged and are counted`() throws {
    let impairment = Impairment(
        delay: .milliseconds(1), jitter: .microseconds(500), loss: 0.01, reorder: 0.02)
    let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 8)) }
    var received: [UInt8] = []
    var stats = ""
    var losses = 0
    var fault: Fault?
    try onBench(impairment) { bench in
        bench.dial { transport, client in
            transport.send([Bytes(sent)])
            transport.finishSending()
            client.onClosed = {
                (received, fault) = (client.bytes, client.fault)
                losses = bench.relay.up.losses + bench.relay.down.losses
                stats = bench.relay.stats
                bench.loop.stop()
            }
        }
    }
    #expect(received == sent)
    #expect(fault == nil)
    #expect(losses > 0)
    #expect(stats.contains("\"up\":{\"in\":1000000,\"out\":1000000,"))
    #expect(stats.contains("\"down\":{\"in\":1000000,\"out\":1000000,"))
}

@Test func `A round trip takes at least twice the delay`() throws {
    var trip = Interval.zero
    try onBench(Impairment(delay: .milliseconds(20))) { bench in
        bench.dial { transport, client in
            var start = bench.loop.time.now
            client.onBytes = {
                // The first trip opens the connection; the second one is measured.
                if client.bytes.count == 1 {
                    start = bench.loop.time.now
                    transport.send([Bytes([2])])
                } else {
                    trip = bench.loop.time.now - start
                    bench.loop.stop()
                }
            }
            transport.send([Bytes([1])])
        }
    }
    #expect(trip >= .milliseconds(40))
}

@Test func `A slow target bounds what the relay holds`() throws {
    var held = 0
    try onBench(Impairment(delay: .milliseconds(5), bandwidth: 1_000_000)) { bench in
        bench.dial { transport, _ in
            transport.send([Bytes([UInt8](repeating: 7, count: 16 << 20))])
            bench.after(100) {
                held = bench.relay.up.bytesIn - bench.relay.up.bytesOut
                bench.loop.stop()
            }
        }
    }
    #expect(held > 0)
    // One read may come on top of the bound.
    #expect(held <= 255_000 + 65_536)
}

@Test func `A cut resets connections and refuses new ones until healed`() throws {
    var first: Fault?
    var second: Fault?
    var healed = false
    try onBench { bench in
        func afterwards() {
            _ = bench.relay.obey(.heal)
            bench.dial { transport, client in
                client.onBytes = {
                    healed = true
                    bench.loop.stop()
                }
                transport.send([Bytes([1])])
            }
        }
        bench.dial { transport, client in
            client.onBytes = { _ = bench.relay.obey(.cut) }
            client.onClosed = {
                first = client.fault
                bench.loop.open(to: bench.listener.endpoint, timeout: .seconds(10)) { result in
                    // The reset may come before or after the connection is noticed.
                    switch result {
                    case .failure(let fault):
                        second = fault
                        afterwards()
                    case .success(let transport):
                        let client = Client()
                        client.onClosed = {
                            second = client.fault
                            afterwards()
                        }
                        transport.receiver = client
                    }
                }
            }
            transport.send([Bytes([1])])
        }
    }
    #expect(first?.source == .peer)
    #expect(second?.source == .peer)
    #expect(healed)
}

@Test func `A hole swallows bytes and keeps sockets open; healing resets what lost any`() throws {
    var openInHole = false
    var bytesInHole = -1
    var fault: Fault?
    var survivor = 0
    try onBench { bench in
        bench.dial { quiet, quietClient in
            quiet.send([Bytes([9])])
            quietClient.onBytes = {
                survivor = quietClient.bytes.count
                if survivor == 2 { bench.loop.stop() }
            }
            bench.dial { transport, client in
                client.onBytes = {
                    client.onBytes = {}
                    _ = bench.relay.obey(.hole)
                    transport.send([Bytes([2, 3])])
                    bench.after(20) {
                        openInHole = !client.isClosed
                        bytesInHole = client.bytes.count
                        _ = bench.relay.obey(.heal)
                    }
                }
                client.onClosed = {
                    fault = client.fault
                    quiet.send([Bytes([9])])
                }
                bench.after(20) { transport.send([Bytes([1])]) }
            }
        }
    }
    #expect(openInHole)
    #expect(bytesInHole == 1)
    #expect(fault?.source == .peer)
    #expect(survivor == 2)
}

@Test func `A stall loses nothing`() throws {
    var during = -1
    var after: [UInt8] = []
    try onBench { bench in
        bench.dial { transport, client in
            client.onBytes = {
                client.onBytes = {
                    after = client.bytes
                    if after.count == 3 { bench.loop.stop() }
                }
                _ = bench.relay.obey(.stall)
                transport.send([Bytes([2, 3])])
                bench.after(20) {
                    during = client.bytes.count
                    _ = bench.relay.obey(.heal)
                }
            }
            transport.send([Bytes([1])])
        }
    }
    #expect(during == 1)
    #expect(after == [1, 2, 3])
}

@Test func `A target that refuses resets the client`() throws {
    var fault: Fault?
    try onBench { bench in
        let nobody = RelayServer(
            loop: bench.loop, target: Endpoint(host: "127.0.0.1", port: 1),
            impairment: Impairment(), seed: 1)
        let listener = try nobody.listen(on: loopback)
        bench.loop.open(to: listener.endpoint, timeout: .seconds(5)) { result in
            guard case .success(let transport) = result else { return bench.loop.stop() }
            let client = Client()
            transport.receiver = client
            client.onClosed = {
                fault = client.fault
                bench.loop.stop()
            }
        }
    }
    #expect(fault?.source == .peer)
}

@Test func `Commands are answered in JSON, and a wrong one changes nothing`() throws {
    try onBench { bench in
        let channel = ControlChannel(bench.relay)
        #expect(channel.answer("set delay 200ms") == "{\"ok\":true}")
        #expect(bench.relay.up.impairment.delay == .milliseconds(200))
        #expect(bench.relay.down.impairment.delay == .milliseconds(200))
        #expect(channel.answer("set delay \"x\"").hasPrefix("{\"ok\":false,\"error\":\""))
        #expect(bench.relay.up.impairment.delay == .milliseconds(200))
        #expect(channel.answer("stats").contains("\"mode\":\"open\""))
        bench.loop.stop()
    }
}
