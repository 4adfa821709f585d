import Ground
import HTTP
import Inference
import Routing
import Wire

/// Gives a frame's answers to whoever asked: a unary call, a stream, a REST request.
protocol FrameResponder: AnyObject {
    /// Whether later answers can be sent, so that `refine` gives them here and not by receipt.
    var takesLaterAnswers: Bool { get }
    /// Sends one answer; `final` when no other follows.
    func reply(_ response: InferResponse, final: Bool)
    /// Tells that there is no answer. Nothing follows.
    func refuse(_ fault: Fault)
}

/// What the gateway keeps of a frame while its journey lasts. The decisions are the journey's
/// alone.
final class Frame {
    let id: FrameID
    let task: Int
    var request: InferRequest
    let options: FrameOptions
    let arrivedAt: Instant
    /// When the caller stops waiting; a worker does not begin with the frame after it.
    let deadline: Instant
    var responder: (any FrameResponder)?
    var timer: (any ScheduledTimer)?
    /// When the timer that is not made yet is to fire.
    var due: Instant?
    var trace: FrameTrace?
    /// The caller's trace where this node records nothing: it is handed on as it came.
    var foreignTrace: CallerTrace?

    /// The model that was asked here; another may have taken its place since.
    var model: ServedModel?
    /// The inference here, and what came of it.
    var job: InferenceJob?
    var outcome: InferenceResult?
    var times = InferenceTimes()
    /// When the engine was given the job.
    var handedAt: Instant?
    var inferredAt: Instant?
    /// The calls upstream that are under way, two at most, and the numbers of their attempts.
    private var calls: [(attempt: UInt32, call: ClientCall)] = []
    /// When the first attempt began.
    var calledAt: Instant?
    /// The answer of a peer, and the peer's index.
    var upstream: InferResponse?
    var peer = 0
    /// Why there is no answer, in the words of whoever said so.
    var fault: Fault?
    /// Name of the place where a later answer is kept, for clients that cannot be sent one.
    var receipt: String?
    /// A node sent it, and says of it what only nodes say.
    var isFromNode = false
    /// It is safe in the spool: a node above owes it an answer.
    var isOwed = false
    /// What the client was told last, until a record of it is kept.
    var told: InferResponse?

    init(
        id: FrameID, task: Int, request: consuming InferRequest, options: FrameOptions,
        arrivedAt: Instant, deadline: Instant, responder: any FrameResponder
    ) {
        self.id = id
        self.task = task
        self.request = request
        self.options = options
        self.arrivedAt = arrivedAt
        self.deadline = deadline
        self.responder = responder
    }

    /// Keeps a call while it is under way.
    func began(_ call: ClientCall, attempt: UInt32) { calls.append((attempt, call)) }

    /// Gives a call up; nothing of it is heard any more.
    func cancelCall(_ attempt: UInt32) {
        guard let index = calls.firstIndex(where: { $0.attempt == attempt }) else { return }
        calls.remove(at: index).call.cancel()
    }

    /// Notes that a call has ended; false when it was given up before.
    func ended(_ attempt: UInt32) -> Bool {
        guard let index = calls.firstIndex(where: { $0.attempt == attempt }) else { return false }
        calls.remove(at: index)
        return true
    }
}

extension FrameID {
    /// The id as one word, for tags that cross a port.
    var word: UInt64 { UInt64(slot) << 32 | UInt64(generation) }

    init(word: UInt64) {
        self.init(
            slot: UInt32(truncatingIfNeeded: word >> 32),
            generation: UInt32(truncatingIfNeeded: word))
    }
}

extension WorkClass {
    /// The engine's queue for this class.
    var lane: Lane { self == .realtime ? .realtime : .other }
}
