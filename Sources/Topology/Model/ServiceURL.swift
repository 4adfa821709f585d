public import Ground

/// Where a service of somebody else is, taken apart.
public struct ServiceURL: Hashable, Sendable {
    /// Without the `s` of TLS: `http`, `mqtt`.
    public let scheme: String
    public let tls: Bool
    public let endpoint: Endpoint
    /// With its slash; `/` when there is none.
    public let path: String

    /// Which URLs a service may have.
    struct Kind: Sendable {
        let scheme: String
        let port: Int
        let securePort: Int
        let hasPath: Bool
        /// What to write, for remedies.
        let expected: String

        static let collector = Kind(
            scheme: "http", port: 4318, securePort: 4318, hasPath: true,
            expected: "the URL of an OTLP/HTTP collector such as http://collector.example:4318")
        static let webhook = Kind(
            scheme: "http", port: 80, securePort: 443, hasPath: true,
            expected: "the URL of a webhook such as https://hooks.example/canopy")
        static let objects = Kind(
            scheme: "http", port: 80, securePort: 443, hasPath: false,
            expected: "the URL of an S3 server such as https://s3.example")
        static let mqtt = Kind(
            scheme: "mqtt", port: 1883, securePort: 8883, hasPath: false,
            expected: "the URL of a broker such as mqtts://broker.example")
    }

    /// Reads `scheme[s]://host[:port][/path]`, or `host[:port]` for one without TLS; `nil` for
    /// anything else.
    init?(_ text: String, _ kind: Kind) {
        guard text.utf8.count <= Bounds.text else { return nil }
        scheme = kind.scheme
        tls = text.hasPrefix("\(kind.scheme)s://")
        let rest: Substring
        if tls || text.hasPrefix("\(kind.scheme)://") {
            rest = text.dropFirst(kind.scheme.count + (tls ? 4 : 3))
        } else {
            guard !text.contains("://") else { return nil }
            rest = text[...]
        }
        let host = rest.prefix { $0 != "/" }
        let path = rest[host.endIndex...]
        guard path.unicodeScalars.allSatisfy({ ("!"..."~").contains($0) }) else { return nil }
        guard kind.hasPath || path.isEmpty || path == "/" else { return nil }
        let colon = host.split(separator: "]").last?.contains(":") ?? false
        let hasPort = host.hasPrefix("[") ? !host.hasSuffix("]") : colon
        let port = tls ? kind.securePort : kind.port
        guard let endpoint = Endpoint(hasPort ? String(host) : "\(host):\(port)"),
            endpoint.port != 0, endpoint.isPlain
        else { return nil }
        self.endpoint = endpoint
        self.path = path.isEmpty ? "/" : String(path)
    }
}

extension Shape<ServiceURL> {
    static func url(of kind: ServiceURL.Kind) -> Shape {
        Shape(kind.expected) { text throws(Units.Misfit) in
            if let url = ServiceURL(text, kind) { return url }
            throw Units.Misfit(
                problem: "is not an \(kind.scheme) URL", remedy: "give \(kind.expected)")
        }
    }
}
