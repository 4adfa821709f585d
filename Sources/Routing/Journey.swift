public import Ground

/// One frame's life at one node, as one value: it takes events and returns effects, and no other
/// place decides what becomes of a frame.
///
/// ```
/// arrived ─▶ inferring ─▶ accepted ──────────────▶ reply ─▶ over   (or ─▶ auditing ─▶ over)
/// ```
///
/// Whatever happens upstream, a node that has an answer gives it: before the caller's deadline,
/// with the reason why nothing better came.
public struct Journey: Sendable {
    enum Stage: Hashable, Sendable {
        /// The model here is at work; the client waits.
        case inferring
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

    let id: FrameID
    let arrival: Arrival
    var stage = Stage.inferring
    var local: LocalAnswer?
    /// When an answer must leave this node at the latest.
    var lastMoment = Instant.distantFuture
    /// Attempts made so far; the number of the present one.
    var attempt: UInt32 = 0
    /// Whom the present attempt asks, and its breaker's leave to do so.
    var peer = -1
    var leave: CircuitBreaker.Attempt?
    /// Why a peer is asked.
    var purpose = Purpose.escalation
    /// What the client is told when nobody has an answer.
    var otherwise = Refusal.unavailable

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
    /// When the caller stops waiting.
    public var deadline: Instant
    /// Bytes that an escalation would put on the wire.
    public var bytes: Int
    /// The caller's own bar, or `nil` for the task's.
    public var accept: Bar?
    /// Whether the frame may be sent on: false for one that has come through this node before.
    public var mayTravel: Bool

    public init(
        task: Int, mode: Mode, deadline: Instant, bytes: Int, accept: Bar? = nil,
        mayTravel: Bool = true
    ) {
        self.task = task
        self.mode = mode
        self.deadline = deadline
        self.bytes = bytes
        self.accept = accept
        self.mayTravel = mayTravel
    }
}

/// What happens to a frame after it has arrived.
public enum FrameEvent: Hashable, Sendable {
    /// The model here answered; `nil` when the task's answers carry no confidence.
    case inferred(Confidence?)
    case inferenceFailed(InferenceFailure)
    /// A peer answered the attempt.
    case answered(attempt: UInt32, accepted: Bool)
    case failed(attempt: UInt32, CallFailure)
    /// The frame's timer.
    case timer
    /// The caller has gone.
    case cancelled
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
