public import Ground
public import Wire

/// One step of a frame's life: what, when, and beneath which step.
public struct Span: Sendable {
    /// A named fact.
    public typealias Attribute = Parameters.Entry
    /// The step's role: inside the node, an answer to a caller, or a call to a peer.
    public typealias Kind = TraceExport.Span.Kind

    public var context: TraceContext
    /// The span above, or `nil` at the root.
    public var parent: UInt64?
    public var name: String
    public var kind: Kind
    public var start: WallTime
    public var end: WallTime
    public var attributes: [Attribute]
    /// What went wrong, or `nil`.
    public var error: String?

    public init(
        _ name: String, _ kind: Kind, context: TraceContext, parent: UInt64? = nil,
        start: WallTime, end: WallTime, attributes: [Attribute] = [], error: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.context = context
        self.parent = parent
        self.start = start
        self.end = end
        self.attributes = attributes
        self.error = error
    }
}

/// Finished spans that wait for export. When it is full, new spans are dropped and counted: tracing
/// never slows a frame.
public struct SpanBuffer: Sendable {
    /// Spans kept at most: 2,048, a second of a busy node at one sampled frame in ten, about 1 MB.
    public static let defaultCapacity = 2048
    /// Spans sent at once, so that one export stays near 100 KB.
    public static let defaultBatch = 256

    public let capacity: Int
    private var spans: [Span] = []
    /// Spans that found no room.
    public private(set) var dropped: UInt64 = 0

    public init(capacity: Int = defaultCapacity) { self.capacity = capacity }

    public var count: Int { spans.count }

    /// Keeps a span if its trace is sampled and there is room.
    public mutating func append(_ span: Span) {
        guard span.context.sampled else { return }
        guard spans.count < capacity else {
            dropped += 1
            return
        }
        spans.append(span)
    }

    /// Takes the oldest spans out, at most `limit`.
    public mutating func take(_ limit: Int = defaultBatch) -> [Span] {
        let batch = Array(spans.prefix(limit))
        spans.removeFirst(batch.count)
        return batch
    }
}
