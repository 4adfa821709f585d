public import Ground

/// Who a certificate speaks for: the one URI `canopy:KIND:NAME` among its subject alternative
/// names.
public struct PeerIdentity: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A gateway of the topology.
        case node
        /// A camera, a sensor or a program that sends frames.
        case client
        /// A person's or a service's role: operator, release, approver.
        case role
    }

    public var kind: Kind
    public var name: String
    /// SHA-256 of the certificate's DER bytes.
    public var certificate: Digest
    /// The certificate's last valid moment.
    public var expiry: WallTime

    public init(kind: Kind, name: String, certificate: Digest, expiry: WallTime) {
        self.kind = kind
        self.name = name
        self.certificate = certificate
        self.expiry = expiry
    }

    /// `canopy:KIND:NAME`, as it stands in the certificate.
    public var uri: String { Self.uri(kind, name) }

    public var description: String { uri }

    /// The URI of a kind and a name.
    public static func uri(_ kind: Kind, _ name: String) -> String {
        "canopy:\(kind.rawValue):\(name)"
    }

    /// Longest name: what a DNS label holds, so that a node's name can also be its host name.
    public static let nameLimit = 63

    /// True for 1 to 63 letters, digits, `.`, `_` and `-` that do not start with `.` or `-`.
    public static func isName(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= nameLimit else { return false }
        guard first != UInt8(ascii: "."), first != UInt8(ascii: "-") else { return false }
        return text.utf8.allSatisfy { unit in
            switch unit {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    /// Reads `canopy:KIND:NAME`; `nil` for anything else.
    static func parse(uri: String) -> (kind: Kind, name: String)? {
        let parts = uri.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "canopy", let kind = Kind(rawValue: String(parts[1])),
            isName(parts[2])
        else { return nil }
        return (kind, String(parts[2]))
    }
}

/// Who must be at the other end of a connection that this side opens.
public enum ExpectedPeer: Hashable, Sendable, CustomStringConvertible {
    /// The Canopy node of this name; its address does not matter.
    case node(String)
    /// A foreign server whose certificate names this host name or numeric address.
    case host(String)

    public var description: String {
        switch self {
        case .node(let name): PeerIdentity.uri(.node, name)
        case .host(let name): "host \(name)"
        }
    }
}
