import EventLoop
import Ground
import Testing

/// Runs a loop until the test stops it, and holds it to a clean end: no handle leaks.
func onLoop(
    _ place: SourceLocation = #_sourceLocation, _ body: (Loop) throws -> Void
) throws {
    let loop = try Loop()
    // Far above what any test takes: it turns a hang into a failure.
    loop.schedule(after: .seconds(60)) {
        Issue.record("the test did not stop its loop", sourceLocation: place)
        loop.stop()
    }
    try body(loop)
    loop.run()
    #expect(loop.hasEndedCleanly, "a handle leaked", sourceLocation: place)
}

let loopback = Endpoint(host: "127.0.0.1", port: 0)

extension Bytes {
    /// `count` bytes that depend on their place, so that a lost or doubled one shows.
    static func pattern(_ count: Int, seed: Int = 0) -> Bytes {
        // A prime period: no buffer size is a multiple of it.
        let period = (0..<65_521).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 ^ ($0 >> 8)) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count { bytes += period.prefix(count - bytes.count) }
        return Bytes(bytes)
    }
}

/// Collects what a transport receives.
class Collector: TransportReceiver {
    var bytes: [UInt8] = []
    var drains = 0
    var isClosed = false
    var fault: Fault?
    var onBytes: () -> Void = {}
    var onDrained: () -> Void = {}
    var onClosed: () -> Void = {}

    func received(_ bytes: UnsafeRawBufferPointer) {
        self.bytes.append(contentsOf: bytes)
        onBytes()
    }

    func drained() {
        drains += 1
        onDrained()
    }

    func closed(_ fault: Fault?) {
        #expect(!isClosed, "closed was called twice")
        isClosed = true
        self.fault = fault
        onClosed()
    }
}

/// A collector that may go on sending after the other end has finished.
final class HalfCloseCollector: Collector, HalfCloseReceiver {
    var onEnd: () -> Void = {}
    func receivedEnd() { onEnd() }
}

/// Sends back what comes, and stops reading while more than 256 KiB are unsent.
final class Echo: TransportReceiver {
    let transport: SocketTransport
    var highWater = 0
    private(set) var isClosed = false

    init(_ transport: SocketTransport) { self.transport = transport }

    func received(_ bytes: UnsafeRawBufferPointer) {
        transport.send([Bytes(copying: bytes)])
        highWater = max(highWater, transport.unsent)
        if transport.unsent > 262_144 { transport.setReading(false) }
    }

    func drained() { transport.setReading(true) }
    func closed(_ fault: Fault?) { isClosed = true }
}

extension Loop {
    /// Opens a transport to a listener of the same loop.
    func dial(_ listener: Listener, _ body: @escaping (SocketTransport) -> Void) {
        open(to: listener.endpoint, timeout: .seconds(10)) { result in
            switch result {
            case .success(let transport): body(transport)
            case .failure(let fault):
                Issue.record(fault)
                self.stop()
            }
        }
    }
}
