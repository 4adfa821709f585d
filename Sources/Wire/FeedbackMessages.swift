internal import CWire
public import Ground

/// A canopy.v1 Feedback: the true label of a request that was answered.
public struct Feedback: WireMessage, Equatable {
    /// The `id` of the request.
    public var request: String
    public var task: String
    /// What the answer should have been.
    public var label: String
    public var labelledAt: WallTime

    public init(request: String, task: String, label: String, labelledAt: WallTime) {
        self.request = request
        self.task = task
        self.label = label
        self.labelledAt = labelledAt
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> Feedback {
        try unpacking(bytes, "canopy.v1.Feedback", from: .peer, with: canopy__v1__feedback__unpack)
        {
            (c) throws(Fault) in
            Feedback(
                request: try text(c.request_id, "request_id", .peer),
                task: try text(c.task, "task", .peer), label: try text(c.label, "label", .peer),
                labelledAt: WallTime(nanoseconds: c.labelled_at))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__feedback__init)
            c.pointee.request_id = arena.text(request)
            c.pointee.task = arena.text(task)
            c.pointee.label = arena.text(label)
            c.pointee.labelled_at = labelledAt.nanoseconds
            return c
        }
    }
}

/// A canopy.v1 FeedbackReply.
public struct FeedbackReply: WireMessage, Equatable {
    /// Whether the node still knew the request.
    public var known: Bool

    public init(known: Bool) { self.known = known }

    public static func decode(_ bytes: Bytes) throws(Fault) -> FeedbackReply {
        try unpacking(
            bytes, "canopy.v1.FeedbackReply", from: .peer, with: canopy__v1__feedback_reply__unpack
        ) { FeedbackReply(known: $0.known != 0) }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__feedback_reply__init)
            c.pointee.known = known ? 1 : 0
            return c
        }
    }
}
