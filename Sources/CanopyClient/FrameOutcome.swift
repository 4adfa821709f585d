public import Ground
public import Routing

/// What became of one frame of a camera's stream. Every frame has one last outcome.
public struct FrameOutcome: Sendable {
    /// How a frame ended, or a first answer to it.
    public enum Result: Sendable {
        /// A node's answer. When its `isFinal` is false a better one follows.
        case answered(FrameAnswer)
        /// No answer will come: a node refused the frame, or none answered it in its time.
        case failed(Fault)
        /// It was dropped here, by the rule of the stream's buffer. The fault says why nodes did
        /// not take it.
        case dropped(DropReason, Fault)
    }

    /// The camera, and the frame's number there, as `send` returned it.
    public let stream: String
    public let sequence: Int
    public let result: Result
    /// How often it was sent: 0 for one that no node saw, more than 1 when nodes were lost.
    public let attempts: Int
    /// From `send` until its answer came in here, or until it ended without one. An answer may then
    /// have waited for those of earlier frames.
    public let took: Interval

    /// The answer, where there is one.
    public var answer: FrameAnswer? {
        if case .answered(let answer) = result { answer } else { nil }
    }

    /// Whether nothing follows for this frame.
    public var isLast: Bool { answer?.isFinal ?? true }
}

/// How a camera's stream treats its frames.
public struct StreamOptions: Sendable {
    /// Frames without their last outcome, at most. 300: ten seconds of a camera at 30 frames a
    /// second.
    public var frames = 300
    /// Bytes of those frames, at most. 32 MiB: ten seconds at 100 KB a picture.
    public var bytes = 32 << 20
    /// How long a frame waits for a node. A minute: later nobody asks what was on it.
    public var age = Interval.seconds(60)
    /// What becomes of a frame that finds them full; by default the oldest makes room.
    public var whenFull = DropRule.oldest
    /// Number of the first frame. Nodes tell frames apart by camera and number: a camera that
    /// starts anew goes on where it was, or begins at the present time in milliseconds.
    public var firstSequence = 0

    public init() {}

    var lane: LaneSettings {
        var lane = LaneSettings()
        lane.frames = frames
        lane.bytes = bytes
        lane.age = age
        lane.rule = whenFull
        return lane
    }
}

/// Frames go to another node.
public struct Move: Sendable {
    /// `nil` when there was none.
    public let from: NodeAddress?
    /// `nil` when no node answers: frames wait.
    public let to: NodeAddress?
    /// Round trip to `to`.
    public let distance: Interval?
    public let reason: Itinerary.Reason
    /// Why the node before was left, where that is known.
    public let trouble: Fault?
}

/// What a client knows at a moment.
public struct ClientStatus: Sendable {
    /// One node that frames may go to.
    public struct Candidate: Sendable {
        public let node: NodeAddress
        /// Least of its last round trips; `nil` while it does not answer.
        public let distance: Interval?
        public let isLive: Bool
    }

    /// Where frames go; `nil` while no node answers.
    public let node: NodeAddress?
    public let candidates: [Candidate]
    public let counts: Counts

    /// Counts since the start.
    public struct Counts: Sendable, Equatable {
        /// Times that frames went from one node to another.
        public var moved = 0
        /// Frames that were sent a second time or more, each time counted.
        public var resent = 0
        public var dropped = 0
        public init() {}
    }
}
