import Cryptography
import Glibc
import Ground
import Testing

@testable import HTTP

/// One authority and what it signs, made once: keys take time.
private struct Keys: Sendable {
    let server: TLSContext
    let client: TLSContext
    let anonymous: TLSContext
    let stranger: TLSContext
    /// A client that has met nobody yet.
    let fresh: TLSContext

    static let shared: Keys = {
        do { return try Keys() } catch { fatalError("\(error)") }
    }()

    init() throws(Fault) {
        let now = WallTime(nanoseconds: Int64(time(nil)) * 1_000_000_000)
        let authority = try CertificateAuthority.make(name: "Test authority", now: now)
        let other = try CertificateAuthority.make(name: "Stranger", now: now)
        let trust = TLSSettings.Trust.authorities(authority.credentials.certificateChain)
        let region = try authority.issue(.node, "region-1", hosts: ["127.0.0.1"], now: now)
        let leaf = try authority.issue(.node, "leaf-1", now: now)
        server = try TLSContext(.server(region, clients: .required, trust: trust))
        client = try TLSContext(.client(leaf, trust: trust))
        fresh = try TLSContext(.client(leaf, trust: trust))
        anonymous = try TLSContext(.client(nil, trust: trust))
        stranger = try TLSContext(
            .client(leaf, trust: .authorities(other.credentials.certificateChain)))
    }
}

@Suite struct TLSCallTests {
    private func bench(
        _ service: TestService = .echo(), client: TLSContext? = nil, peer: String = "region-1"
    ) -> Bench {
        Bench(
            service,
            serverSecure: { () throws(Fault) in try TLSSession(context: Keys.shared.server) },
            clientSecure: { () throws(Fault) in
                try TLSSession(context: client ?? Keys.shared.client, expecting: .node(peer))
            })
    }

    @Test func `Calls over mutual TLS know who is at the other end`() {
        let bench = bench()
        let calls = (0..<20).map { _ in bench.call() }
        bench.loop.run()
        #expect(calls.allSatisfy { $0.handler.status == .ok })
        #expect(bench.pool.counters.handshakes == 1)
        #expect(bench.server.counters.handshakes == 1)
        #expect(bench.service.handlers[0].call.identity == nil)
    }

    @Test func `A handler sees its caller's identity while the call lasts`() {
        let service = TestService.echo()
        var names: [String?] = []
        service.onBegin = { names.append($0.identity?.name) }
        let bench = bench(service)
        _ = bench.call()
        bench.loop.run()
        #expect(names == ["leaf-1"])
    }

    @Test func `Nothing of a call is readable on the wire`() {
        let bench = bench()
        let secret = Array("a secret that must not be seen".utf8)
        let (_, handler) = bench.call("/test/Echo", secret)
        bench.loop.run()
        #expect(handler.messages == [secret])
        let wire = String(
            decoding: bench.ends.client.sent + bench.ends.server.sent, as: UTF8.self)
        #expect(!wire.contains("secret"))
        #expect(bench.pool.counters.bytesOut == bench.ends.client.sent.count)
        #expect(bench.pool.counters.bytesIn == bench.ends.server.sent.count)
    }

    @Test func `A large message survives TLS`() {
        let bench = bench()
        let message = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let (_, handler) = bench.call("/test/Echo", message)
        bench.loop.run()
        #expect(handler.messages == [message])
    }

    @Test(arguments: ["anonymous", "stranger", "wrong name"])
    func `Without the right certificates no call is served`(what: String) {
        let keys = Keys.shared
        let bench = bench(
            client: what == "anonymous" ? keys.anonymous : what == "stranger" ? keys.stranger : nil,
            peer: what == "wrong name" ? "region-2" : "region-1")
        let (_, handler) = bench.call(timeout: .seconds(3))
        bench.loop.advance(.seconds(4))
        #expect(handler.ends.count == 1)
        #expect(handler.status?.code != .ok)
        #expect(bench.service.handlers.isEmpty)
        #expect(bench.server.connections == 0)
    }

    @Test func `The second connection resumes the first one's session`() {
        let bench = bench(client: Keys.shared.fresh)
        _ = bench.call()
        bench.loop.run()
        bench.ends.client.close(abruptly: true)
        bench.loop.run()
        let (_, handler) = bench.call()
        bench.loop.run()
        #expect(handler.status == .ok)
        #expect(bench.pool.counters.handshakes == 2)
        #expect(bench.pool.counters.resumed == 1)
    }

    @Test func `Bytes that are no TLS end the connection and nothing else`() {
        let bench = bench()
        let ends = bench.raw()
        ends.server.inject("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.loop.run()
        #expect(ends.server.isClosed)
        let (_, handler) = bench.call()
        bench.loop.run()
        #expect(handler.status == .ok)
    }
}
