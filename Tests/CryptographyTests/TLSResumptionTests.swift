import Ground
import Testing

@testable import Cryptography

struct TLSResumptionTests {
    let made = TestTrust.shared

    @Test func `The second connection to a peer is resumed and knows the names still`() throws {
        let client = try made.client(made.leaf)
        let server = try made.server()
        let first = try TLSPair(client, server).run()
        #expect(!first.client.isResumed)
        for _ in 0..<3 {
            let next = try TLSPair(client, server).run()
            #expect(next.client.isResumed && next.server.isResumed)
            #expect(next.server.peer?.uri == "canopy:node:leaf-1")
            #expect(next.client.peer?.uri == "canopy:node:region-1")
            #expect(next.client.applicationProtocol == "h2")
        }
    }

    @Test func `A session that ended without a close message is resumed too`() throws {
        let client = try made.client(made.leaf)
        let server = try made.server()
        do { _ = try TLSPair(client, server).run() }
        #expect(try TLSPair(client, server).run().client.isResumed)
    }

    @Test func `A session is resumed with the peer that it was made with only`() throws {
        let client = try made.client(made.leaf)
        let server = try made.server()
        _ = try TLSPair(client, server).run()
        let other = try TLSPair(client, server, expecting: .host("region.example")).run()
        #expect(other.client.isEstablished && !other.client.isResumed)
    }

    @Test func `A server's new context does not honour tickets of the old one`() throws {
        let client = try made.client(made.leaf)
        _ = try TLSPair(client, made.server()).run()
        let next = try TLSPair(client, made.server()).run()
        #expect(next.client.isEstablished && !next.client.isResumed)
    }

    @Test func `Remembered peers are bounded`() throws {
        let client = try made.client(made.leaf)
        for index in 0..<ResumableSessions.limit + 3 {
            let own = try made.server()
            let pair = try TLSPair(client, own).run()
            let session = try #require(pair.client.state)
            client.resumable.keep(session, for: .host("h\(index)"))
        }
        #expect(client.resumable.count == ResumableSessions.limit)
    }
}
