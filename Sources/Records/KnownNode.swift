public import Ground

/// A node below, as it spoke of itself.
public struct KnownNode: Equatable, Sendable {
    public var site: String
    public var node: String
    /// Its last report as it came; `nil` when the disk has changed it.
    public var report: [UInt8]?
    /// When that came.
    public var heard: WallTime
    /// Oldest first.
    public var incidents: [NodeIncident]
}

/// Something that was wrong with a node for a time.
public struct NodeIncident: Equatable, Sendable {
    public var kind: String
    public var subject: String
    public var began: WallTime
    /// `nil` while it lasts.
    public var ended: WallTime?
    public var words: String

    public init(
        kind: String, subject: String, began: WallTime, ended: WallTime?, words: String
    ) {
        self.kind = kind
        self.subject = subject
        self.began = began
        self.ended = ended
        self.words = words
    }

    /// Whether its texts are as long as texts here may be.
    var isSound: Bool {
        [kind, subject, words].allSatisfy { $0.utf8.count <= Delivery.textLimit }
    }
}
