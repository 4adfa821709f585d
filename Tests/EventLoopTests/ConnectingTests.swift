import Ground
import Testing

@testable import EventLoop

@Test func `A refused connection is a fault that names the address and a remedy`() throws {
    var fault: Fault?
    try onLoop { loop in
        let listener = try loop.listen(on: loopback, reusePort: false) { _ in }
        let endpoint = listener.endpoint
        listener.close()
        loop.schedule(after: .milliseconds(1)) {
            loop.connect(to: endpoint, timeout: .seconds(5)) { result in
                if case .failure(let failure) = result { fault = failure }
                loop.stop()
            }
        }
    }
    #expect(fault?.code == .unavailable)
    #expect(fault?.source == .peer)
    #expect(fault?.retry == .elsewhere)
    #expect(fault?.message.contains("127.0.0.1:") == true)
    #expect(fault?.message.contains("ECONNREFUSED") == true)
    #expect(fault?.remedy != nil)
}

@Test func `A black hole ends in a fault when the time is up`() throws {
    var faults: [Fault] = []
    var opened: [any Transport] = []
    try onLoop { loop in
        // A paused listener accepts nothing: past its backlog of one the kernel drops the rest.
        let hole = try ListeningSocket.open(at: loopback, on: loop, reusePort: false, backlog: 1)
        let endpoint = ListeningSocket.bound(hole)
        var waiting = 8
        for _ in 0..<8 {
            loop.connect(to: endpoint, timeout: .milliseconds(100)) { result in
                switch result {
                case .success(let transport): opened.append(transport)
                case .failure(let fault): faults.append(fault)
                }
                waiting -= 1
                if waiting == 0 { loop.stop() }
            }
        }
    }
    #expect(!faults.isEmpty)
    for fault in faults {
        #expect(fault.code == .unavailable)
        #expect(fault.message.contains("100 ms"))
    }
}

@Test func `A name is looked up and connected to`() throws {
    let client = Collector()
    try onLoop { loop in
        let listener = try loop.listen(on: Endpoint(host: "localhost", port: 0)) {
            $0.receiver = Echo($0)
        }
        let endpoint = Endpoint(host: "localhost", port: listener.port)
        loop.open(to: endpoint, timeout: .seconds(10)) { result in
            guard case .success(let transport) = result else { return loop.stop() }
            #expect(transport.peer.port == listener.port)
            transport.receiver = client
            client.onBytes = loop.stop
            transport.send([Bytes.pattern(3)])
        }
    }
    #expect(client.bytes.count == 3)
}

@Test func `A name's next address is tried when one refuses or swallows`() throws {
    var connected: Endpoint?
    var live: Endpoint?
    try onLoop { loop in
        let refusing = try loop.listen(on: loopback, reusePort: false) { _ in }
        refusing.close()
        let hole = try ListeningSocket.open(at: loopback, on: loop, reusePort: false, backlog: 1)
        for _ in 0..<8 {
            loop.open(to: ListeningSocket.bound(hole), timeout: .seconds(60)) { _ in }
        }
        let listener = try loop.listen(on: loopback) { $0.receiver = Collector() }
        live = listener.endpoint
        let endpoints = [refusing.endpoint, ListeningSocket.bound(hole), listener.endpoint]
        let connector = Connector(
            Endpoint(host: "three.example", port: 1), timeout: .milliseconds(300), loop: loop
        ) { result in
            if case .success(let transport) = result { connected = transport.peer }
            loop.stop()
        }
        connector.tryAll(
            endpoints.compactMap { SocketAddress(numericHost: $0.host, port: $0.port) })
    }
    #expect(connected == live)
    #expect(connected != nil)
}

@Test func `A name that does not exist is a fault`() throws {
    var fault: Fault?
    try onLoop { loop in
        // A label may have 63 bytes: the resolver refuses this one without asking anybody.
        let nowhere = Endpoint(host: "no-such-name" + String(repeating: "x", count: 70), port: 1)
        loop.connect(to: nowhere, timeout: .seconds(10)) { result in
            if case .failure(let failure) = result { fault = failure }
            loop.stop()
        }
    }
    #expect(fault?.message.contains("no-such-name") == true)
}

@Test func `Connections that are still opening hear of the loop's end`() throws {
    var opened = 0
    var faults: [Fault] = []
    try onLoop { loop in
        let hole = try ListeningSocket.open(at: loopback, on: loop, reusePort: false, backlog: 1)
        for _ in 0..<8 {
            loop.open(to: ListeningSocket.bound(hole), timeout: .seconds(30)) { result in
                switch result {
                case .success: opened += 1
                case .failure(let fault): faults.append(fault)
                }
            }
        }
        loop.schedule(after: .milliseconds(5), loop.stop)
    }
    #expect(opened + faults.count == 8)
    #expect(!faults.isEmpty)
    for fault in faults { #expect(fault.code == .cancelled) }
}

@Test func `After the end a connection fails at once and a timer never fires`() throws {
    var loop: Loop?
    try onLoop {
        loop = $0
        $0.stop()
    }
    var fault: Fault?
    loop?.connect(to: Endpoint(host: "127.0.0.1", port: 1), timeout: .seconds(1)) { result in
        if case .failure(let failure) = result { fault = failure }
    }
    #expect(fault?.code == .cancelled)
    loop?.schedule(after: .zero) { Issue.record("fired") }.cancel()
    #expect(loop?.post {} == false)
}
