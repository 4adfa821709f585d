public import Ground

/// One frame's life at one node, as one value: it takes events and returns effects, and no other
/// place decides what becomes of a frame.
///
/// ```
/// arrived ─▶ queued ─▶ inferring ─▶ accepted ─▶ reply ─▶ over   (or auditing ─▶ over)
///               │           │
///               └ no room, no model, below the bar ─▶ waiting ─▶ reply ─▶ over
///                                                  └▶ refining ─▶ refine ─▶ over
/// ```
///
/// Where a call needs another loop's leave first, a frame is `asking` before it waits or refines.
///
/// A frame below the bar that nobody above can be asked about now goes to the spool, where there is
/// one: it is owed the answer, and its client has a receipt.
///
/// Whatever happens upstream, a node that has an answer gives it: before the caller's deadline,
/// with the reason why nothing better came. (A task that fails closed is the exception: it would
/// rather say nothing.)
public struct Journey: Sendable {
    enum Stage: Hashable, Sendable {
        /// It waits for a worker; the client waits.
        case queued
        /// The model here is at work; the client waits.
        case inferring
        /// Another loop is asked for leave to call a peer; the client waits.
        case asking
        /// A peer is at work; the client waits.
        case waiting
        /// The client has a first answer; a peer is at work on the last.
        case refining
        /// The client has its only answer; a peer is asked for its opinion.
        case auditing
    }

    /// What the model here said.
    struct LocalAnswer: Hashable, Sendable {
        var accepted: Bool
    }

    /// One call under way.
    struct Attempt: Hashable, Sendable {
        var number: UInt32
        /// Whom it asks, and the leave of its breaker to do so.
        var peer: Int
        var leave: CircuitBreaker.Attempt
    }

    public let id: FrameID
    public let arrival: Arrival
    var stage = Stage.inferring
    var local: LocalAnswer?
    /// From which confidence on the inference's answer is accepted; `nil` accepts every answer.
    var bar: Bar?
    /// Whether that answer is of a model whose successor cannot be had.
    var isStale = false
    /// When an answer must leave this node at the latest.
    var lastMoment = Instant.distantFuture
    /// Calls made so far; the number of the last one.
    var attempts: UInt32 = 0
    var first: Attempt?
    /// A second call beside the first.
    var hedge: Attempt?
    /// Whom the last call asked; a further one asks somebody else.
    var lastPeer: Int?
    /// When a second call is worth making.
    var hedgeAt = Instant.distantFuture
    /// How long to wait for another loop's leave.
    var asksUntil = Instant.distantFuture
    /// Why peers are asked.
    var purpose = Purpose.escalation
    /// Whether neighbours may be asked.
    var asksNeighbours = false
    /// What the client is told when nobody has an answer.
    var otherwise = Refusal.unavailable
    /// The alert is out.
    var hasAlerted = false
    /// Why the frame was handed to the spool; `nil` when it was not.
    var owed: DegradedReason?

    /// Whether it waits for another loop's leave to call a peer.
    public var isAsking: Bool { stage == .asking }

    /// A frame that has just arrived, under the id that its node gave it.
    public init(id: FrameID, arrival: Arrival) {
        self.id = id
        self.arrival = arrival
    }
}

/// What is known of a frame when it arrives.
public struct Arrival: Hashable, Sendable {
    /// Index of the task.
    public var task: Int
    public var mode: Mode
    public var workClass: WorkClass
    /// Who sent it, as an index into the node's sources; 0 is whoever is not known by name.
    public var source: Int
    /// When the caller stops waiting.
    public var deadline: Instant
    /// Bytes that an escalation would put on the wire.
    public var bytes: Int
    /// The caller's own bar, or `nil` for the task's.
    public var accept: Bar?
    /// Whether the frame may be sent on: false for one that has come through this node before.
    public var mayTravel: Bool
    /// Whether it comes from a client. Only where a frame enters the fleet is it tried again,
    /// handed to a neighbour and alerted of: tiers that all did so would multiply it.
    public var isEntry: Bool

    public init(
        task: Int, mode: Mode, workClass: WorkClass = .realtime, source: Int = 0,
        deadline: Instant, bytes: Int, accept: Bar? = nil, mayTravel: Bool = true,
        isEntry: Bool = true
    ) {
        self.task = task
        self.mode = mode
        self.workClass = workClass
        self.source = source
        self.deadline = deadline
        self.bytes = bytes
        self.accept = accept
        self.mayTravel = mayTravel
        self.isEntry = isEntry
    }
}

/// What happens to a frame after it has arrived.
public enum FrameEvent: Hashable, Sendable {
    /// The model here answered.
    ///
    /// - `confidence`: `nil` when the task's answers carry none.
    /// - `alert`: the best score among the labels that the task alerts of; `nil` without any.
    case inferred(Confidence?, alert: Confidence? = nil)
    case inferenceFailed(InferenceFailure)
    /// A peer answered the attempt; `alert` as above, for its answer.
    case answered(
        attempt: UInt32, accepted: Bool, alert: Confidence? = nil, load: PeerLoad? = nil)
    case failed(attempt: UInt32, CallFailure)
    /// The frame's timer.
    case timer
    /// The frame that is owed is safe in the spool, or there was no room for it.
    case kept(Bool)
    /// The caller has gone.
    case cancelled
    /// A worker is free for it. Its node says so, never a host.
    case begun
    /// It had to give its place to another. Its node says so, never a host.
    case displaced
    /// Another loop has said something of a peer, for which it waits. Its node says so, never a
    /// host.
    case heard
}

/// Why the model here gave no answer.
public enum InferenceFailure: Hashable, Sendable {
    /// The input is wrong: nobody else can do better.
    case invalid
    /// The queue is full.
    case overload
    /// The frame's time passed in the queue.
    case deadline
    /// The engine is missing, crashed or stuck.
    case unavailable
}

/// Why a peer gave no answer.
public enum CallFailure: Hashable, Sendable {
    /// No connection, a cut connection, or a server's error.
    case unreachable
    /// The attempt's time passed.
    case timeout
    /// It said that it has too much to do.
    case overloaded
    /// It found the request wrong: everybody would.
    case refused
    /// It does not serve the task, or not to this node: another peer may.
    case unserved
}
