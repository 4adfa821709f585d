import COpenSSL
import Glibc
import Ground

@testable import Cryptography

/// The machine's clock, since OpenSSL judges validity by it.
func machineTime() -> WallTime {
    WallTime(nanoseconds: Int64(time(nil)) * 1_000_000_000)
}

/// One authority and what it signs, made once: keys take time.
struct TestTrust: Sendable {
    let authority: CertificateAuthority
    let stranger: CertificateAuthority
    let leaf: TLSCredentials
    let region: TLSCredentials
    let camera: TLSCredentials

    static let shared: TestTrust = {
        do { return try TestTrust() } catch { fatalError("\(error)") }
    }()

    init() throws {
        let now = machineTime()
        authority = try .make(name: "Test authority", now: now)
        stranger = try .make(name: "Stranger", now: now)
        leaf = try authority.issue(.node, "leaf-1", now: now)
        region = try authority.issue(
            .node, "region-1", hosts: ["region.example", "127.0.0.1"], now: now)
        camera = try authority.issue(.client, "camera-7", now: now)
    }

    var trust: TLSSettings.Trust { .authorities(authority.credentials.certificateChain) }

    func server(
        _ credentials: TLSCredentials? = nil, clients: TLSSettings.Clients = .required,
        protocols: [String] = ["h2", "http/1.1"]
    ) throws -> TLSContext {
        try TLSContext(
            .server(
                credentials ?? region, clients: clients, trust: trust,
                applicationProtocols: protocols))
    }

    func client(
        _ credentials: TLSCredentials?, trust: TLSSettings.Trust? = nil,
        protocols: [String] = ["h2"]
    ) throws -> TLSContext {
        try TLSContext(
            .client(credentials, trust: trust ?? self.trust, applicationProtocols: protocols))
    }
}

/// A client's and a server's session, joined by memory.
final class TLSPair {
    let client: TLSSession
    let server: TLSSession
    var toClient: [UInt8] = []
    var toServer: [UInt8] = []
    var clientFault: Fault?
    var serverFault: Fault?

    init(_ client: TLSContext, _ server: TLSContext, expecting: ExpectedPeer = .node("region-1"))
        throws
    {
        self.client = try TLSSession(context: client, expecting: expecting)
        self.server = try TLSSession(context: server)
    }

    /// Carries bytes both ways until neither has more; `chunk` cuts them into small pieces.
    @discardableResult
    func run(chunk: Int = .max) -> TLSPair {
        var moved = true
        while moved {
            moved = false
            if let out = client.takeOutput() {
                moved = true
                if serverFault == nil {
                    deliver(out, chunk, to: server, fault: &serverFault) { toServer += $0 }
                }
            }
            if let out = server.takeOutput() {
                moved = true
                if clientFault == nil {
                    deliver(out, chunk, to: client, fault: &clientFault) { toClient += $0 }
                }
            }
        }
        return self
    }

    private func deliver(
        _ bytes: Bytes, _ chunk: Int, to session: TLSSession, fault: inout Fault?,
        _ take: (UnsafeRawBufferPointer) -> Void
    ) {
        do throws(Fault) {
            var at = 0
            while at < bytes.count {
                let count = min(chunk, bytes.count - at)
                try bytes[at..<at + count].withUnsafeBytes { piece throws(Fault) in
                    try session.receive(piece, take)
                }
                at += count
            }
        } catch {
            fault = error
        }
    }
}

extension TLSSession {
    func send(_ bytes: [UInt8]) throws(Fault) {
        try Bytes(bytes).withUnsafeBytes { piece throws(Fault) in try send(piece) }
    }
}

extension TLSSession {
    /// OpenSSL's state of this session, borrowed.
    var state: OpaquePointer? { SSL_get_session(ssl) }
}
