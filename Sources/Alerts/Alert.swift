public import Ground

/// One thing that somebody is to be told at once: something that a camera saw, or something that
/// happened to the node.
public struct Alert: Sendable, Equatable {
    /// Names this alert for ever: sent again, it has the same id, so that a receiver can tell a
    /// repetition from a second event. `AlertIDs` makes it.
    public var id: String
    public var origin: AlertOrigin
    /// When the frame was received or the condition changed.
    public var time: WallTime
    /// The same moment on the node's clock, to measure how long the delivery took.
    public var since: Instant
    public var content: Content

    public enum Content: Sendable, Equatable {
        case detection(Detection)
        case condition(ConditionReport)
    }

    public init(
        id: String, origin: AlertOrigin, time: WallTime, since: Instant, content: Content
    ) {
        self.id = id
        self.origin = origin
        self.time = time
        self.since = since
        self.content = content
    }
}

/// The node that alerts.
public struct AlertOrigin: Sendable, Equatable {
    public var node: String
    public var tier: String
    /// Where it stands; `nil` where the topology does not say.
    public var site: String?

    public init(node: String, tier: String, site: String?) {
        self.node = node
        self.tier = tier
        self.site = site
    }
}

/// An alerting label in a frame.
public struct Detection: Sendable, Equatable {
    public var task: String
    public var label: String
    /// Calibrated, 0…1.
    public var confidence: Double
    /// The confidence from which on the task alerts, 0…1.
    public var threshold: Double
    /// The camera and its frame number, where the request gave them.
    public var stream: String?
    public var sequence: Int?
    /// When the frame was taken, in the camera's own words.
    public var capturedAt: JSON?
    /// The node whose model saw it: the alerting one, or one that it asked.
    public var seenBy: String?
    /// The id of that model's bundle.
    public var bundle: String?

    public init(
        task: String, label: String, confidence: Double, threshold: Double, stream: String? = nil,
        sequence: Int? = nil, capturedAt: JSON? = nil, seenBy: String? = nil, bundle: String? = nil
    ) {
        self.task = task
        self.label = label
        self.confidence = confidence
        self.threshold = threshold
        self.stream = stream
        self.sequence = sequence
        self.capturedAt = capturedAt
        self.seenBy = seenBy
        self.bundle = bundle
    }
}

/// A condition of the node that has begun, or is over.
public struct ConditionReport: Sendable, Equatable {
    public enum State: String, Sendable {
        case raised, cleared
    }

    /// Which: `breaker-open`, `shedding`, `engine-lost`…
    public var condition: String
    /// What it concerns: a peer, a task; the node itself when empty.
    public var subject: String
    public var state: State

    public init(condition: String, subject: String, state: State) {
        self.condition = condition
        self.subject = subject
        self.state = state
    }
}
