import COpenSSL
import Ground
import Testing

@testable import Cryptography

struct CertificateTests {
    let made = TestTrust.shared

    @Test func `A certificate tells its identity, hosts and validity`() throws {
        let start = WallTime(nanoseconds: 1_700_000_000_000_000_000)
        let authority = try CertificateAuthority.make(name: "Ours", now: start)
        let issued = try authority.issue(
            .role, "operator", hosts: ["a.example", "*.b.example", "10.1.2.3", "fe80::1"],
            now: start)
        let facts = try #require(CertificateFacts.read(issued.certificateChain).first)
        #expect(facts.identity?.uri == "canopy:role:operator")
        #expect(facts.hosts == ["a.example", "*.b.example", "10.1.2.3", "fe80:0:0:0:0:0:0:1"])
        #expect(facts.issuer == "Ours" && facts.subject == "operator" && !facts.isAuthority)
        #expect(facts.notBefore.nanoseconds == start.nanoseconds - 300 * 1_000_000_000)
        #expect(
            facts.notAfter.nanoseconds
                == start.nanoseconds + CertificateAuthority.leafValidity.nanoseconds)
        #expect(facts.identity?.expiry == facts.notAfter)
    }

    @Test func `Renewal keeps name and hosts and makes a new key`() throws {
        let later = WallTime(nanoseconds: machineTime().nanoseconds + 100_000_000_000)
        let renewed = try made.authority.renew(made.region.certificateChain, now: later)
        let old = try #require(CertificateFacts.read(made.region.certificateChain).first)
        let new = try #require(CertificateFacts.read(renewed.certificateChain).first)
        #expect(new.identity?.uri == old.identity?.uri && new.hosts == old.hosts)
        #expect(new.notAfter > old.notAfter && new.digest != old.digest)
        #expect(renewed.privateKey != made.region.privateKey)
        #expect(
            try TLSPair(made.client(made.leaf), made.server(renewed)).run().client.isEstablished)
    }

    @Test func `Another authority's certificate is not renewed`() throws {
        let foreign = try made.stranger.issue(.node, "x", now: machineTime())
        let fault = #expect(throws: Fault.self) {
            try made.authority.renew(foreign.certificateChain, now: machineTime())
        }
        #expect(fault?.code == .forbidden)
    }

    @Test(arguments: [
        "", "-x", ".x", "a b", "a,URI:canopy:role:operator", "ä", "a:b",
        String(repeating: "n", count: 64),
    ])
    func `A name that could mean something else is refused`(name: String) {
        #expect(throws: Fault.self) { try made.authority.issue(.node, name, now: machineTime()) }
    }

    @Test(arguments: ["", "a b", "https://x", "a..b", "-a.b", "x,y", "[::1]", "*.b"])
    func `A host that is neither a name nor an address is refused`(host: String) {
        #expect(throws: Fault.self) {
            try made.authority.issue(.node, "n", hosts: [host], now: machineTime())
        }
    }

    @Test func `An authority below a root signs leaves that the root's friends accept`() throws {
        let below = try intermediate()
        let leaf = try below.issue(.node, "leaf-9", now: machineTime())
        #expect(try CertificateFacts.read(leaf.certificateChain).count == 2)
        let pair = try TLSPair(made.client(leaf), made.server()).run()
        #expect(pair.server.peer?.uri == "canopy:node:leaf-9")
    }

    private func intermediate() throws -> CertificateAuthority {
        let root = made.authority.credentials
        let issuer = try PEM.certificates(root.certificateChain, what: "test")[0]
        let key = try X509Making.newKey()
        let making = try X509Making(
            commonName: "Region", key: key, from: machineTime(), validity: .seconds(365 * 86_400))
        try making.add(NID_basic_constraints, "critical,CA:TRUE", issuer: issuer.pointer)
        try making.add(NID_key_usage, "critical,keyCertSign", issuer: issuer.pointer)
        try making.add(NID_subject_key_identifier, "hash", issuer: issuer.pointer)
        try making.sign(
            issuer: issuer, key: PEM.privateKey(root.privateKey, what: "test"))
        return try CertificateAuthority(
            credentials: TLSCredentials(
                certificateChain: PEM.text(ofCertificate: making.certificate.pointer),
                privateKey: PEM.text(ofKey: key.pointer)))
    }

    @Test func `An authority's name and the number of hosts are bounded`() {
        for name in ["", String(repeating: "n", count: 65)] {
            #expect(throws: Fault.self) {
                try CertificateAuthority.make(name: name, now: machineTime())
            }
        }
        let hosts = (0..<64).map { "h\($0).example" }
        #expect(throws: Fault.self) {
            try made.authority.issue(.node, "n", hosts: hosts, now: machineTime())
        }
    }

    @Test func `A leaf cannot outlive its authority or sign for others`() throws {
        let now = machineTime()
        let short = try CertificateAuthority.make(
            name: "Short", now: now, validity: .seconds(3_600))
        #expect(throws: Fault.self) { try short.issue(.node, "n", now: now) }
        let fault = #expect(throws: Fault.self) { try CertificateAuthority(credentials: made.leaf) }
        #expect(fault?.message.contains("no authority's") == true)
    }

    @Test func `A key that belongs to another certificate is refused`() throws {
        let mixed = TLSCredentials(
            certificateChain: made.leaf.certificateChain, privateKey: made.region.privateKey)
        let fault = #expect(throws: Fault.self) { try made.client(mixed) }
        #expect(fault?.message.contains("does not belong") == true)
        let authority = TLSCredentials(
            certificateChain: made.authority.credentials.certificateChain,
            privateKey: made.stranger.credentials.privateKey)
        #expect(throws: Fault.self) { try CertificateAuthority(credentials: authority) }
    }

    @Test func `Text without a certificate, and a cut certificate, are refused`() throws {
        #expect(throws: Fault.self) { try CertificateFacts.read(Array("hello".utf8)) }
        let cut = Array(made.leaf.certificateChain.dropLast(80))
        #expect(throws: Fault.self) { try CertificateFacts.read(cut) }
        let second = made.leaf.certificateChain + cut
        let fault = #expect(throws: Fault.self) { try CertificateFacts.read(second) }
        #expect(fault?.message.contains("certificate 2") == true)
    }

    @Test func `A server needs a certificate, and authorities when clients must show theirs`() {
        #expect(throws: Fault.self) {
            try TLSContext(.server(made.leaf, clients: .required, trust: .nobody))
        }
    }

    @Test func `An authority is loaded from what it gave out`() throws {
        let again = try CertificateAuthority(credentials: made.authority.credentials)
        let leaf = try again.issue(.node, "leaf-1", now: machineTime())
        #expect(try TLSPair(made.client(leaf), made.server()).run().server.isEstablished)
    }
}
