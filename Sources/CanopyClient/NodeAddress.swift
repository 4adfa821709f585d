public import Cryptography
public import Ground

/// Where a node answers, and whose certificate it must show there.
public struct NodeAddress: Hashable, Sendable, CustomStringConvertible {
    public let endpoint: Endpoint
    /// Who must be at the other end, where the client speaks TLS.
    public let expecting: ExpectedPeer

    /// - Parameter name: the node's name in its topology. Without it the certificate must name the
    ///   host.
    public init(_ endpoint: Endpoint, name: String? = nil) {
        self.init(endpoint, expecting: name.map(ExpectedPeer.node) ?? .host(endpoint.host))
    }

    public init(_ endpoint: Endpoint, expecting: ExpectedPeer) {
        self.endpoint = endpoint
        self.expecting = expecting
    }

    /// Reads `host:port`.
    ///
    /// - Throws: `invalid` when there is no port from 0 to 65535.
    public init(_ text: String, name: String? = nil) throws(Fault) {
        guard let endpoint = Endpoint(text) else {
            throw Fault(
                .invalid, "'\(text)' is no address of a node",
                remedy: "give host and port, such as 127.0.0.1:8443")
        }
        self.init(endpoint, name: name)
    }

    /// The node's name, where it is known.
    public var name: String? { if case .node(let name) = expecting { name } else { nil } }

    public var description: String { name.map { "\($0) (\(endpoint))" } ?? "\(endpoint)" }
}
