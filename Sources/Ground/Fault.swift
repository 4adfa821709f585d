/// What went wrong, whose doing it was, whether another try can help, and what to do next.
///
/// One type for every room, so that a fault keeps its story from the socket to the client's status
/// and the log line.
public struct Fault: Error, Sendable, CustomStringConvertible {
    /// The kind of fault. New kinds may be added without breaking a `switch`: compare with `==`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case invalid, notFound, unauthenticated, forbidden, exhausted, deadline, unavailable
            case cancelled, unsupported, precondition, corrupt, inner
        }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// The input is wrong and will be wrong again.
        public static let invalid = Code(.invalid)
        /// No such model, file or receipt.
        public static let notFound = Code(.notFound)
        /// Nobody known is asking.
        public static let unauthenticated = Code(.unauthenticated)
        /// Somebody known may not do this.
        public static let forbidden = Code(.forbidden)
        /// A bound was reached: bytes, streams, a queue, a rate.
        public static let exhausted = Code(.exhausted)
        /// The deadline passed, or would have.
        public static let deadline = Code(.deadline)
        /// A peer, an engine or this node cannot answer now.
        public static let unavailable = Code(.unavailable)
        /// The caller went away.
        public static let cancelled = Code(.cancelled)
        /// A method, type or feature that is not here.
        public static let unsupported = Code(.unsupported)
        /// The state does not allow it: not ready, already closed, over budget.
        public static let precondition = Code(.precondition)
        /// Bytes are not what their digest, checksum or format says.
        public static let corrupt = Code(.corrupt)
        /// A fault of ours.
        public static let inner = Code(.inner)

        public var description: String { kind.rawValue }
    }

    /// On whose side the cause lies.
    public enum Source: Sendable { case client, peer, local }

    /// Whether trying again can help.
    public enum Retry: Hashable, Sendable {
        case never
        /// After at least this long.
        case after(Interval)
        /// At another node, at once.
        case elsewhere
    }

    public var code: Code
    public var source: Source
    /// One sentence: which thing, what came, what was expected.
    public var message: String
    /// What the reader should do next, or `nil` when the message says it.
    public var remedy: String?
    public var retry: Retry
    /// What lies beneath, or `nil`.
    public var cause: (any Error)?

    public init(
        _ code: Code, _ message: String, source: Source = .local, remedy: String? = nil,
        retry: Retry = .never, cause: (any Error)? = nil
    ) {
        self.code = code
        self.source = source
        self.message = message
        self.remedy = remedy
        self.retry = retry
        self.cause = cause
    }

    /// Message, remedy and the chain of causes, on one line.
    public var description: String {
        var text = message
        if let remedy { text += "; \(remedy)" }
        if let cause { text += " (because: \(cause))" }
        return text
    }
}
