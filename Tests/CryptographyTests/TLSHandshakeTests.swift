import COpenSSL
import Ground
import Testing

@testable import Cryptography

struct TLSHandshakeTests {
    let made = TestTrust.shared

    @Test func `Two nodes of one authority know each other's names and agree on h2`() throws {
        let pair = try TLSPair(made.client(made.leaf), made.server()).run()
        #expect(pair.client.isEstablished && pair.server.isEstablished)
        #expect(pair.client.peer?.uri == "canopy:node:region-1")
        #expect(pair.server.peer?.uri == "canopy:node:leaf-1")
        #expect(pair.client.applicationProtocol == "h2" && pair.server.applicationProtocol == "h2")
        #expect(String(cString: SSL_get_version(pair.server.ssl)) == "TLSv1.3")
        #expect(pair.clientFault == nil && pair.serverFault == nil)
    }

    @Test func `Bytes sent before the handshake is done arrive once it is`() throws {
        let pair = try TLSPair(made.client(made.leaf), made.server())
        try pair.client.send([1, 2, 3])
        try pair.client.send([4])
        try pair.server.send([9])
        pair.run()
        #expect(pair.toServer == [1, 2, 3, 4])
        #expect(pair.toClient == [9])
    }

    @Test func `Too many bytes before the handshake is done are refused with both sizes`() throws {
        let session = try TLSSession(context: made.client(made.leaf), expecting: .node("region-1"))
        try session.send([UInt8](repeating: 0, count: TLSSession.earlyLimit))
        let fault = #expect(throws: Fault.self) { try session.send([1]) }
        #expect(fault?.code == .exhausted)
        #expect(fault?.message.contains("\(TLSSession.earlyLimit + 1)") == true)
    }

    @Test(arguments: [1, 7, 4096, .max])
    func `A megabyte goes through in both directions however it is cut`(chunk: Int) throws {
        let pair = try TLSPair(made.client(made.leaf), made.server()).run(chunk: chunk)
        let count = chunk == 1 ? 100_000 : 1 << 20
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
        try pair.client.send(bytes)
        try pair.server.send(bytes)
        pair.run(chunk: chunk)
        #expect(pair.toServer == bytes)
        #expect(pair.toClient == bytes)
    }

    @Test func `Several sends leave as one slice`() throws {
        let pair = try TLSPair(made.client(made.leaf), made.server()).run()
        for byte in 0..<10 { try pair.client.send([UInt8(byte)]) }
        let output = try #require(pair.client.takeOutput())
        #expect(pair.client.takeOutput() == nil)
        #expect(output.count == 10 * (1 + 22))
    }

    @Test func `A server's preference decides among the protocols that both speak`() throws {
        let pair = try TLSPair(
            made.client(made.leaf, protocols: ["http/1.1", "h2"]), made.server()
        ).run()
        #expect(pair.client.applicationProtocol == "h2")
        let old = try TLSPair(made.client(made.leaf, protocols: ["http/1.1"]), made.server()).run()
        #expect(old.server.applicationProtocol == "http/1.1")
    }

    @Test func `A client that offers other protocols only is refused in words on both sides`()
        throws
    {
        let pair = try TLSPair(made.client(made.leaf, protocols: ["spdy/3"]), made.server()).run()
        #expect(pair.serverFault?.message.contains("no application protocol") == true)
        #expect(pair.clientFault?.message.contains("none of the application protocols") == true)
    }

    @Test func `A client that offers no protocol at all is let in without one`() throws {
        let pair = try TLSPair(made.client(made.leaf, protocols: []), made.server()).run()
        #expect(pair.server.isEstablished && pair.server.applicationProtocol == nil)
    }

    @Test func `A listener that makes certificates optional takes a client without one`() throws {
        let pair = try TLSPair(made.client(nil), made.server(clients: .optional)).run()
        #expect(pair.server.isEstablished && pair.server.peer == nil)
        let known = try TLSPair(made.client(made.camera), made.server(clients: .optional)).run()
        #expect(known.server.peer?.uri == "canopy:client:camera-7")
    }

    @Test func `A foreign server is known by its host name or address`() throws {
        for host in ["region.example", "127.0.0.1"] {
            let pair = try TLSPair(made.client(made.leaf), made.server(), expecting: .host(host))
                .run()
            #expect(pair.client.isEstablished, "\(host)")
        }
        let wrong = try TLSPair(
            made.client(made.leaf), made.server(), expecting: .host("other.example"))
        #expect(wrong.run().clientFault?.message.contains("hostname mismatch") == true)
    }

    @Test func `A session answers from inside its own receive`() throws {
        let pair = try TLSPair(made.client(made.leaf), made.server()).run()
        try pair.client.send([1])
        try pair.client.send([2])
        let first = try #require(pair.client.takeOutput())
        try pair.client.send([3])
        let second = try #require(pair.client.takeOutput())
        var got: [UInt8] = []
        try first.withUnsafeBytes { bytes in
            try pair.server.receive(bytes) { piece in
                if got.isEmpty {
                    second.withUnsafeBytes { more in
                        try? pair.server.receive(more) { _ in
                            Issue.record("the inner call delivered")
                        }
                    }
                }
                got += piece
                try? pair.server.send(piece)
            }
        }
        #expect(got == [1, 2, 3])
        #expect(pair.run().toClient == [1, 2, 3])
    }

    @Test func `A shut down session says so and sends no more`() throws {
        let pair = try TLSPair(made.client(made.leaf), made.server()).run()
        pair.client.shutdown()
        #expect(throws: Fault.self) { try pair.client.send([1]) }
        pair.run()
        #expect(pair.server.isClosedByPeer)
        #expect(pair.serverFault == nil)
    }

    @Test func `Renegotiation is not possible`() throws {
        let pair = try TLSPair(made.client(made.leaf), made.server()).run()
        #expect(SSL_renegotiate(pair.client.ssl) == 0)
        #expect(SSL_renegotiate(pair.server.ssl) == 0)
        ERR_clear_error()
    }
}
