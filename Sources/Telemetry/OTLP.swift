public import Ground
public import Wire

/// Spans as an OpenTelemetry collector takes them over HTTP.
public enum OTLP {
    /// Where a collector listens for spans, below its base URL.
    public static let path = "/v1/traces"
    /// The `Content-Type` of `body`.
    public static let contentType = "application/x-protobuf"

    /// The body of a POST that exports `spans` of the node `name`.
    public static func body(
        _ spans: [Span], node name: String, version: String, attributes: [Span.Attribute] = []
    ) -> [Bytes] {
        TraceExport(
            resource: [
                .init(name: "service.name", value: .string("canopy")),
                .init(name: "service.instance.id", value: .string(name)),
                .init(name: "service.version", value: .string(version)),
            ] + attributes,
            scope: (name: "canopy", version: version), spans: spans.map(\.exported)
        ).encode()
    }

    /// How many spans a collector refused, and why, from the body of its answer.
    public static func refused(_ answer: Bytes) throws(Fault) -> (count: Int, message: String) {
        let reply = try TraceExportReply.decode(answer)
        return (reply.rejected, reply.message)
    }
}

extension Span {
    fileprivate var exported: TraceExport.Span {
        TraceExport.Span(
            trace: bytes(context.traceHigh) + bytes(context.traceLow), id: bytes(context.span),
            parent: parent.map(bytes) ?? [], name: name, kind: kind, start: start, end: end,
            attributes: attributes, error: error, flags: context.sampled ? 1 : 0)
    }

    private func bytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
    }
}
