import Glibc
import Ground
import Testing

@testable import EventLoop

/// Touched on one loop only.
private final class Count { var value = 0 }

@Test func `Two loops share one port and both accept`() throws {
    let own = Count()
    let others = Count()
    try onLoop { loop in
        let listener = try loop.listen(on: loopback) { transport in
            transport.receiver = Collector()
            own.value += 1
        }
        let endpoint = listener.endpoint
        let box = LoopConfined(others, to: loop.poster)
        let thread = try LoopThread(name: "other") { other throws(Fault) in
            _ = try other.listen(on: endpoint) { transport in
                transport.receiver = Collector()
                box.post { $0.value += 1 }
            }
        }
        // The kernel spreads by a hash of the addresses: connect until both have had one.
        func dial() {
            loop.dial(listener) { transport in
                transport.receiver = Collector()
                guard own.value == 0 || others.value == 0 else {
                    thread.stop()
                    thread.join()
                    return loop.stop()
                }
                loop.schedule(after: .zero, dial)
            }
        }
        dial()
    }
    #expect(own.value > 0 && others.value > 0)
}

@Test func `Without sharing a taken port is refused with a remedy`() throws {
    var fault: Fault?
    try onLoop { loop in
        let listener = try loop.listen(on: loopback, reusePort: false) { _ in }
        fault = #expect(throws: Fault.self) {
            _ = try loop.listen(on: listener.endpoint, reusePort: false) { _ in }
        }
        loop.stop()
    }
    #expect(fault?.message.contains("EADDRINUSE") == true)
    #expect(fault?.remedy != nil)
}

@Test func `A paused listener leaves connections waiting, and resuming accepts them`() throws {
    var accepted = 0
    var whilePaused = -1
    try onLoop { loop in
        let listener = try loop.listen(on: loopback) { transport in
            transport.receiver = Collector()
            accepted += 1
            loop.stop()
        }
        listener.pause()
        loop.dial(listener) { transport in
            transport.receiver = Collector()
            loop.schedule(after: .milliseconds(5)) {
                whilePaused = accepted
                listener.resume()
            }
        }
    }
    #expect(whilePaused == 0)
    #expect(accepted == 1)
}

@Test func `With no descriptor left accepting rests instead of spinning, then goes on`() throws {
    var accepted = 0
    var attempts = 0
    var counters = LoopCounters()
    try onLoop { loop in
        let listener = try loop.listen(on: loopback) { transport in
            transport.receiver = Collector()
            accepted += 1
            counters = loop.counters
            loop.stop()
        }
        let real = listener.takeConnection
        listener.takeConnection = { socket in
            attempts += 1
            return attempts == 1 ? (-EMFILE, SocketAddress { _, _ in }) : real(socket)
        }
        loop.dial(listener) { $0.receiver = Collector() }
    }
    #expect(accepted == 1)
    #expect(counters.refusedAccepts == 1)
    #expect(attempts <= 3)
}

@Test func `A socket file is replaced when nobody listens on it, and refused when somebody does`()
    throws
{
    let path = "/tmp/canopy-listener-\(UInt64.random(in: 0 ... .max)).sock"
    var refused: Fault?
    try onLoop { loop in
        let live = try ListeningSocket.open(atPath: path + ".live")
        defer {
            close(live)
            unlink(path + ".live")
        }
        refused = #expect(throws: Fault.self) {
            _ = try loop.listen(onPath: path + ".live") { _ in }
        }
        // Closed without removing its file, as by a process that was killed.
        let stale = try ListeningSocket.open(atPath: path)
        close(stale)
        let listener = try loop.listen(onPath: path) { _ in }
        listener.close()
        loop.stop()
    }
    #expect(refused?.message.contains(path) == true)
}
