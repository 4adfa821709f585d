import COpenSSL
import Ground
import Testing

@testable import Cryptography

struct TLSRefusalTests {
    let made = TestTrust.shared

    @Test func `A client without a certificate is refused, and told so`() throws {
        let pair = try TLSPair(made.client(nil), made.server()).run()
        #expect(pair.serverFault?.message == "the peer presented no certificate")
        #expect(pair.serverFault?.code == .unauthenticated)
        #expect(pair.clientFault?.message == "the peer wants a certificate and none was shown")
        #expect(!pair.server.isEstablished)
    }

    @Test func `A client of another authority is refused with the remedy`() throws {
        let foreign = try made.stranger.issue(.node, "leaf-1", now: machineTime())
        let pair = try TLSPair(made.client(foreign), made.server()).run()
        #expect(pair.serverFault?.message.contains("unable to get local issuer") == true)
        #expect(pair.serverFault?.remedy?.contains("authority") == true)
        #expect(pair.clientFault?.message.contains("does not trust") == true)
    }

    @Test func `A server of another authority is refused`() throws {
        let pair = try TLSPair(
            made.client(made.leaf, trust: .authorities(made.stranger.credentials.certificateChain)),
            made.server()
        ).run()
        #expect(pair.clientFault?.message.contains("unable to get local issuer") == true)
        #expect(pair.serverFault != nil)
    }

    @Test func `A server of another name is refused with both names`() throws {
        let pair = try TLSPair(made.client(made.leaf), made.server(), expecting: .node("region-2"))
            .run()
        #expect(
            pair.clientFault?.message
                == "the peer is canopy:node:region-1, expected canopy:node:region-2")
    }

    @Test func `A client's certificate cannot stand for a node`() throws {
        let camera = try made.authority.issue(.client, "region-1", now: machineTime())
        let pair = try TLSPair(made.client(made.leaf), made.server(camera)).run()
        #expect(
            pair.clientFault?.message
                == "the peer is canopy:client:region-1, expected canopy:node:region-1")
    }

    @Test(arguments: [true, false])
    func `An expired certificate is refused on either side`(ofServer: Bool) throws {
        let past = WallTime(nanoseconds: machineTime().nanoseconds - 100 * 86_400 * 1_000_000_000)
        let old = try made.authority.issue(.node, ofServer ? "region-1" : "leaf-1", now: past)
        let pair = try TLSPair(
            made.client(ofServer ? made.leaf : old), made.server(ofServer ? old : nil)
        ).run()
        let fault = ofServer ? pair.clientFault : pair.serverFault
        #expect(fault?.message.contains("certificate has expired") == true)
        #expect(fault?.remedy?.contains("renew") == true)
    }

    @Test func `A certificate that is not valid yet is refused and blames the clocks`() throws {
        let ahead = WallTime(nanoseconds: machineTime().nanoseconds + 86_400 * 1_000_000_000)
        let young = try made.authority.issue(.node, "leaf-1", now: ahead)
        let pair = try TLSPair(made.client(young), made.server()).run()
        #expect(pair.serverFault?.message.contains("not yet valid") == true)
        #expect(pair.serverFault?.remedy?.contains("clocks") == true)
    }

    @Test func `A client that speaks TLS 1.2 only is told that 1_3 is needed`() throws {
        let server = try TLSSession(context: made.server())
        let hello = try helloOfOldClient()
        let fault = #expect(throws: Fault.self) {
            try hello.withUnsafeBytes { try server.receive($0) { _ in } }
        }
        #expect(fault?.message == "TLS 1.2 or older was offered, TLS 1.3 is needed")
        #expect(server.takeOutput() != nil, "an alert goes back")
    }

    /// The first message of an OpenSSL client that is pinned to TLS 1.2.
    private func helloOfOldClient() throws -> [UInt8] {
        let context = SSL_CTX_new(TLS_client_method())
        defer { SSL_CTX_free(context) }
        #expect(canopy_ctx_pin_tls12(context) == 1)
        let ssl = SSL_new(context)
        defer { SSL_free(ssl) }
        let out = BIO_new(BIO_s_mem())
        SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out)
        SSL_set_connect_state(ssl)
        _ = SSL_do_handshake(ssl)
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(out))
        BIO_read(out, &bytes, Int32(bytes.count))
        return bytes
    }

    @Test func `Plain HTTP on a TLS port is named`() throws {
        let server = try TLSSession(context: made.server())
        let fault = #expect(throws: Fault.self) {
            try Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
                .withUnsafeBytes { try server.receive($0) { _ in } }
        }
        #expect(fault?.message.contains("plain HTTP") == true)
    }

    @Test func `Random bytes never crash and never establish a session`() throws {
        let context = try made.server()
        var random = Randomness(seed: 7)
        for _ in 0..<500 {
            let session = try TLSSession(context: context)
            var bytes = (0..<Int.random(in: 1...300, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            if Bool.random(using: &random) {
                bytes.replaceSubrange(0..<1, with: [22, 3, 1, 0, 90])
            }
            try? bytes.withUnsafeBytes {
                try session.receive($0) { _ in Issue.record("plaintext") }
            }
            #expect(!session.isEstablished)
        }
    }

    @Test func `A flipped bit in any record of an established session ends it for good`() throws {
        let pair = try TLSPair(made.client(made.leaf), made.server()).run()
        try pair.client.send([UInt8](repeating: 5, count: 100))
        var bytes = try #require(pair.client.takeOutput()).array
        bytes[40] ^= 1
        let fault = #expect(throws: Fault.self) {
            try bytes.withUnsafeBytes {
                try pair.server.receive($0) { _ in Issue.record("plaintext") }
            }
        }
        #expect(fault?.source == .peer)
        #expect(throws: Fault.self) { try pair.server.send([1]) }
    }

    @Test func `A certificate with two identities, or none, is refused`() throws {
        for (uris, words) in [
            (["canopy:node:a", "canopy:role:operator"], "names 2 canopy identities"),
            (["https://example.org"], "names no canopy identity"),
            (["canopy:king:a"], "is not canopy:node:NAME"),
        ] {
            let odd = try oddCertificate(uris)
            let pair = try TLSPair(made.client(odd), made.server()).run()
            #expect(pair.serverFault?.message.contains(words) == true, "\(uris)")
        }
    }

    /// A certificate that `CertificateAuthority.issue` would refuse to make.
    private func oddCertificate(_ uris: [String]) throws -> TLSCredentials {
        let signer = made.authority.credentials
        let issuer = try PEM.certificates(signer.certificateChain, what: "test")[0]
        let issuerKey = try PEM.privateKey(signer.privateKey, what: "test")
        let key = try X509Making.newKey()
        let making = try X509Making(
            commonName: "odd", key: key, from: machineTime(), validity: .seconds(3_600))
        let value = uris.map { "URI:\($0)" }.joined(separator: ",")
        try making.add(NID_subject_alt_name, value, issuer: issuer.pointer)
        try making.sign(issuer: issuer, key: issuerKey)
        return TLSCredentials(
            certificateChain: try PEM.text(ofCertificate: making.certificate.pointer),
            privateKey: try PEM.text(ofKey: key.pointer))
    }
}
