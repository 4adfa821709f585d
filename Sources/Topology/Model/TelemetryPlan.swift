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
        Shape(ServiceURL.Kind.collector.expected) { entry, name, report in
            Shape<ServiceURL>.url(of: .collector).read(entry, name, report).map { url in
                TelemetryPlan.Collector(
                    endpoint: url.endpoint, tls: url.tls,
                    path: url.path == "/" ? "/v1/traces" : url.path)
            }
        }
    }
}
