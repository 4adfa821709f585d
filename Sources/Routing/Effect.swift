public import Ground

/// Names one frame inside one node while the node remembers it. A slot is used again; its
/// generation tells a late event of an earlier frame from one of the present frame.
public struct FrameID: Hashable, Sendable {
    public var slot: UInt32
    public var generation: UInt32

    public init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
}

/// Who gave an answer.
public enum Answerer: Hashable, Sendable {
    /// The model of this node.
    case here
    /// The peer that the attempt asked.
    case peer(attempt: UInt32)
    /// Nobody: what the task says where there is no answer at all.
    case nobody
}

/// What is said of an answer when it goes to the client.
public struct Verdict: Hashable, Sendable {
    public var answerer: Answerer
    /// Whether the answer met the bar.
    public var accepted: Bool
    /// Why it is less than the task wants, or `nil` when it is not, or when a peer said so itself.
    public var degraded: DegradedReason?
    /// Whether no better answer will follow.
    public var final: Bool

    public init(answerer: Answerer, accepted: Bool, degraded: DegradedReason?, final: Bool) {
        self.answerer = answerer
        self.accepted = accepted
        self.degraded = degraded
        self.final = final
    }
}

/// Why a frame gets no answer at all.
public enum Refusal: Hashable, Sendable {
    /// The engine or a peer found the input wrong; the host kept its words.
    case invalid
    /// Time ran out before any answer.
    case deadline
    /// The node's or its peers' queues are full; try again later.
    case overload
    /// Whoever sent it has as many frames under way as it may.
    case quota
    /// No model here, and nobody upstream that may be asked.
    case unavailable
    /// The payload may not leave the site, and there is no model here.
    case localOnly
}

/// Why a call upstream is made.
public enum Purpose: Hashable, Sendable {
    /// There is no answer here: the frame is handed on.
    case forward
    /// The answer here is below the bar.
    case escalation
    /// The answer here was accepted and has been given; this measures how right it was.
    case audit
}

/// One call to a peer.
public struct PeerCall: Hashable, Sendable {
    /// Why this call beside others for the same frame.
    public enum Reason: Hashable, CaseIterable, Sendable {
        case first
        /// The one before failed.
        case retry
        /// The one before takes longer than most.
        case hedge
    }

    /// Index of the peer.
    public var peer: Int
    /// Number among the frame's calls, from 1.
    public var attempt: UInt32
    /// Until when the peer has time.
    public var deadline: Instant
    public var purpose: Purpose
    public var reason: Reason
    /// Whether it goes past a tier that has no share left for the frame.
    public var isSpill: Bool
}

/// What a decision asks its host to do. The gateway does it on real ports, the simulator on virtual
/// ones, and nothing else happens to a frame.
public enum Effect: Hashable, Sendable {
    /// Run the task's model on the frame.
    case infer(FrameID)
    /// The outcome of the inference is no longer wanted.
    case cancelInference(FrameID)
    /// Tell those whom the task's alert goes to; always before any call and any answer of the
    /// frame, and at most once.
    case alert(FrameID, Confidence)
    /// Send the frame to a peer.
    case call(FrameID, PeerCall)
    /// Give the call up; nothing of it is wanted any more.
    case cancelCall(FrameID, attempt: UInt32)
    /// Send a timer event at this moment. A frame has one timer: a later request replaces it.
    case arm(FrameID, at: Instant)
    /// Give the client its first answer.
    case reply(FrameID, Verdict)
    /// Give the client the later, last answer of a frame in `refine` mode.
    case refine(FrameID, Verdict)
    /// Tell the client that there is no answer.
    case refuse(FrameID, Refusal)
    /// An audit's answer has come: compare it with the answer that was given.
    case compare(FrameID, attempt: UInt32)
    /// Hand the frame to the spool: a node above owes it an answer. Say `kept` when it is safe
    /// there or cannot be; the reply that follows then carries a receipt.
    case owe(FrameID, DegradedReason)
    /// Keep a record of what the client was told last. Once for each frame that was answered where
    /// it entered the fleet, after that answer.
    case record(FrameID)
    /// The frame is over: forget it. Always the last effect of a frame, and exactly one.
    case forget(FrameID)
    /// Ask a peer whether it is there and ready, and say so before the deadline.
    case probe(peer: Int, number: UInt32, deadline: Instant)
    /// Something changed that people should hear of.
    case noted(Change)
    /// Tell another shard of the node. Never with one shard.
    case tell(Letter)
}

/// Effects in the order in which they are to be carried out. The storage is used again.
public struct Effects: Sendable {
    public private(set) var list: [Effect] = []

    public init() { list.reserveCapacity(16) }

    public mutating func append(_ effect: Effect) { list.append(effect) }

    /// Empties the list and keeps its memory.
    public mutating func removeAll() { list.removeAll(keepingCapacity: true) }
}
