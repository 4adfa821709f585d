/// A certificate chain with its private key: who this side is.
public struct TLSCredentials: Sendable {
    /// PEM: own certificate first, then what leads to the authority (which may be left out).
    public var certificateChain: [UInt8]
    /// PEM, not encrypted.
    public var privateKey: [UInt8]

    public init(certificateChain: [UInt8], privateKey: [UInt8]) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
    }
}

/// What a `TLSContext` is made of.
public struct TLSSettings: Sendable {
    /// Whether clients show a certificate.
    public enum Clients: Sendable {
        /// Without a certificate there is no connection.
        case required
        /// A certificate that is shown must be right; none is fine, and then `peer` is `nil`.
        case optional
        /// None is asked for.
        case none
    }

    public enum Role: Sendable {
        case server(clients: Clients)
        case client
    }

    /// Whose signature under the other end's certificate counts.
    public enum Trust: Sendable {
        /// PEM of these authorities only.
        case authorities([UInt8])
        /// The machine's own store: for foreign servers.
        case system
        /// Nobody's: for a server that asks no client for a certificate.
        case nobody
    }

    public var role: Role
    public var credentials: TLSCredentials?
    public var trust: Trust
    /// In order of preference, the server's counts.
    public var applicationProtocols: [String]

    /// What a listener needs.
    public static func server(
        _ credentials: TLSCredentials, clients: Clients, trust: Trust,
        applicationProtocols: [String] = ["h2", "http/1.1"]
    ) -> TLSSettings {
        TLSSettings(
            role: .server(clients: clients), credentials: credentials, trust: trust,
            applicationProtocols: applicationProtocols)
    }

    /// What a side that opens connections needs; `credentials` are shown when the server asks.
    public static func client(
        _ credentials: TLSCredentials?, trust: Trust, applicationProtocols: [String] = ["h2"]
    ) -> TLSSettings {
        TLSSettings(
            role: .client, credentials: credentials, trust: trust,
            applicationProtocols: applicationProtocols)
    }
}
