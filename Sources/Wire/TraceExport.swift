internal import CWire
public import Ground

/// An OTLP ExportTraceServiceRequest: finished spans of one process, on their way to a collector.
public struct TraceExport: Sendable {
    /// What an attribute says.
    public typealias Attribute = Parameters.Entry

    /// One span.
    public struct Span: Sendable {
        /// The span's role, under OTLP's numbers.
        public enum Kind: Int, Sendable {
            case `internal` = 1
            case server, client
        }

        /// 16 bytes.
        public var trace: [UInt8]
        /// 8 bytes.
        public var id: [UInt8]
        /// 8 bytes, or none for a root.
        public var parent: [UInt8]
        public var name: String
        public var kind: Kind
        public var start: WallTime
        public var end: WallTime
        public var attributes: [Attribute]
        /// What went wrong, or `nil`.
        public var error: String?
        /// The W3C trace flags, in the low eight bits.
        public var flags: UInt8

        public init(
            trace: [UInt8], id: [UInt8], parent: [UInt8] = [], name: String, kind: Kind,
            start: WallTime, end: WallTime, attributes: [Attribute] = [], error: String? = nil,
            flags: UInt8 = 0
        ) {
            self.trace = trace
            self.id = id
            self.parent = parent
            self.name = name
            self.kind = kind
            self.start = start
            self.end = end
            self.attributes = attributes
            self.error = error
            self.flags = flags
        }
    }

    /// What is common to all spans, `service.name` among it.
    public var resource: [Attribute]
    /// Who made the spans: name and version of the instrumentation.
    public var scope: (name: String, version: String)
    public var spans: [Span]

    public init(resource: [Attribute], scope: (name: String, version: String), spans: [Span]) {
        self.resource = resource
        self.scope = scope
        self.spans = spans
    }

    /// The request's body, `application/x-protobuf`.
    public func encode() -> [Bytes] {
        packing { arena in
            let resourceSpans: UnsafeMutablePointer<Opentelemetry__V1__ResourceSpans>? =
                arena.make(opentelemetry__v1__resource_spans__init)
            let resource = arena.make(opentelemetry__v1__resource__init)
            resource.pointee.n_attributes = self.resource.count
            resource.pointee.attributes = arena.array(self.resource) { $0.packed(arena) }
            resourceSpans!.pointee.resource = resource
            resourceSpans!.pointee.n_scope_spans = 1
            resourceSpans!.pointee.scope_spans = arena.array([packedScope(arena)]) { $0 }
            let c = arena.make(opentelemetry__v1__export_trace_service_request__init)
            c.pointee.n_resource_spans = 1
            c.pointee.resource_spans = arena.array([resourceSpans]) { $0 }
            return c
        }
    }

    private func packedScope(_ arena: Arena) -> UnsafeMutablePointer<Opentelemetry__V1__ScopeSpans>?
    {
        let c = arena.make(opentelemetry__v1__scope_spans__init)
        c.pointee.scope = arena.make(opentelemetry__v1__instrumentation_scope__init)
        c.pointee.scope.pointee.name = arena.text(scope.name)
        c.pointee.scope.pointee.version = arena.text(scope.version)
        c.pointee.n_spans = spans.count
        c.pointee.spans = arena.array(spans) { $0.packed(arena) }
        return c
    }
}

extension TraceExport.Span {
    fileprivate func packed(_ arena: Arena) -> UnsafeMutablePointer<Opentelemetry__V1__Span>? {
        let c = arena.make(opentelemetry__v1__span__init)
        c.pointee.trace_id = trace.withUnsafeBytes(arena.data)
        c.pointee.span_id = id.withUnsafeBytes(arena.data)
        c.pointee.parent_span_id = parent.withUnsafeBytes(arena.data)
        c.pointee.name = arena.text(name)
        c.pointee.kind = Opentelemetry__V1__Span__SpanKind(numericCast(kind.rawValue))
        c.pointee.start_time_unix_nano = UInt64(clamping: start.nanoseconds)
        c.pointee.end_time_unix_nano = UInt64(clamping: end.nanoseconds)
        c.pointee.n_attributes = attributes.count
        c.pointee.attributes = arena.array(attributes) { $0.packed(arena) }
        c.pointee.flags = UInt32(flags)
        if let error {
            c.pointee.status = arena.make(opentelemetry__v1__status__init)
            c.pointee.status.pointee.code =
                OPENTELEMETRY__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR
            c.pointee.status.pointee.message = arena.text(error)
        }
        return c
    }
}

extension Parameters.Entry {
    fileprivate func packed(_ arena: Arena) -> UnsafeMutablePointer<Opentelemetry__V1__KeyValue>? {
        let c = arena.make(opentelemetry__v1__key_value__init)
        c.pointee.key = arena.text(name)
        let item = arena.make(opentelemetry__v1__any_value__init)
        switch value {
        case .bool(let value):
            item.pointee.value_case = OPENTELEMETRY__V1__ANY_VALUE__VALUE_BOOL_VALUE
            item.pointee.bool_value = value ? 1 : 0
        case .int64(let value):
            item.pointee.value_case = OPENTELEMETRY__V1__ANY_VALUE__VALUE_INT_VALUE
            item.pointee.int_value = value
        case .uint64(let value):
            item.pointee.value_case = OPENTELEMETRY__V1__ANY_VALUE__VALUE_INT_VALUE
            item.pointee.int_value = Int64(clamping: value)
        case .double(let value):
            item.pointee.value_case = OPENTELEMETRY__V1__ANY_VALUE__VALUE_DOUBLE_VALUE
            item.pointee.double_value = value
        case .string(let value):
            item.pointee.value_case = OPENTELEMETRY__V1__ANY_VALUE__VALUE_STRING_VALUE
            item.pointee.string_value = arena.text(value)
        }
        c.pointee.value = item
        return c
    }
}

/// An OTLP ExportTraceServiceResponse: what a collector took.
public struct TraceExportReply: Sendable, Equatable {
    /// Spans that the collector refused.
    public var rejected: Int
    public var message: String

    public static func decode(_ bytes: Bytes) throws(Fault) -> TraceExportReply {
        try unpacking(
            bytes, "ExportTraceServiceResponse", from: .peer,
            with: opentelemetry__v1__export_trace_service_response__unpack
        ) { (c) throws(Fault) in
            guard let partial = c.partial_success?.pointee else {
                return TraceExportReply(rejected: 0, message: "")
            }
            return TraceExportReply(
                rejected: Int(partial.rejected_spans),
                message: try text(partial.error_message, "error_message", .peer))
        }
    }
}
