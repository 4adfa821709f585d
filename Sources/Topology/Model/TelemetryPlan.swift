public import Ground

/// Where spans go, and how many frames have some.
public struct TelemetryPlan: Sendable {
    /// An OTLP/HTTP collector; `nil` (default) sends nothing.
    public let collector: Collector?
    /// Share of frames that are traced, 0 to 1. Default 1 %: four cameras of 30 FPS then give about
    /// one trace a second, enough to see a shape and too few to cost bandwidth.
    public let sample: Double

    /// An OTLP/HTTP endpoint.
    public struct Collector: Hashable, Sendable {
        public let endpoint: Endpoint
        public let tls: Bool
        /// Path of the traces; `/v1/traces` unless the URL has one.
        public let path: String
    }

    init(_ fields: Fields) {
        collector = fields.value("otlp", .collector)
        sample = fields.value("sample", .share(), or: 0.01)
        fields.finish()
    }
}

extension Shape<TelemetryPlan.Collector> {
    /// `http://host[:port][/path]`, the same with https, or `host:port`. The port of OTLP/HTTP is
    /// 4318, the path of traces `/v1/traces` (OpenTelemetry protocol, OTLP/HTTP).
    static var collector: Shape {
        let expected = "the URL of an OTLP/HTTP collector such as http://collector.example:4318"
        return Shape(expected) { text throws(Units.Misfit) in
            guard text.utf8.count <= Bounds.text, let collector = parse(text) else {
                throw Units.Misfit(problem: "is not an http URL", remedy: "give \(expected)")
            }
            return collector
        }
    }

    private static func parse(_ text: String) -> TelemetryPlan.Collector? {
        let tls = text.hasPrefix("https://")
        let rest: Substring
        if tls || text.hasPrefix("http://") {
            rest = text.dropFirst(tls ? 8 : 7)
        } else {
            guard !text.contains("://") else { return nil }
            rest = text[...]
        }
        let host = rest.prefix { $0 != "/" }
        let path = rest[host.endIndex...]
        guard path.unicodeScalars.allSatisfy({ ("!"..."~").contains($0) }) else { return nil }
        let colon = host.split(separator: "]").last?.contains(":") ?? false
        let hasPort = host.hasPrefix("[") ? !host.hasSuffix("]") : colon
        guard let endpoint = Endpoint(hasPort ? String(host) : "\(host):4318"), endpoint.port != 0,
            endpoint.isPlain
        else { return nil }
        let isRoot = path.isEmpty || path == "/"
        return TelemetryPlan.Collector(
            endpoint: endpoint, tls: tls, path: isRoot ? "/v1/traces" : String(path))
    }
}
