import EventLoop
import Ground
import HTTP
import Inference
import Node
import Routing
import Wire

extension Shard {
    /// Carries out one effect.
    func perform(_ effect: Effect) {
        switch effect {
        case .infer(let id): with(id) { infer($0) }
        case .cancelInference(let id): with(id) { $0.job?.cancel() }
        case .call(let id, let peer, let attempt, let deadline, let purpose):
            with(id) { call($0, peer: peer, attempt, deadline, purpose) }
        case .cancelCall(let id, let attempt):
            with(id) { if $0.attempt == attempt { $0.call?.cancel() } }
        case .arm(let id, let at): with(id) { due($0, at: at) }
        case .reply(let id, let verdict): with(id) { reply($0, verdict) }
        case .refine(let id, let verdict): with(id) { refine($0, verdict) }
        case .refuse(let id, let refusal): with(id) { refuse($0, refusal) }
        case .compare(let id, _): with(id) { compare($0) }
        case .forget(let id): with(id) { forget($0) }
        }
    }

    private func with(_ id: FrameID, _ body: (Frame) -> Void) {
        if let frame = frame(id) { body(frame) }
    }

    /// Makes the timer of a frame that is still there when its events are through. Most frames of
    /// a node without models are over by then.
    func arm(_ id: FrameID) {
        guard let frame = frame(id), let due = frame.due else { return }
        frame.due = nil
        frame.timer?.cancel()
        frame.timer = loop.schedule(at: due) { [unowned self] in hear(.frame(id, .timer)) }
    }

    // MARK: Answers

    private func reply(_ frame: Frame, _ verdict: Verdict) {
        guard let responder = frame.responder else { return }
        if !verdict.final, !responder.takesLaterAnswers {
            frame.receipt = receipts.open(now: time.now)
        }
        let response = answer(frame, verdict)
        count(frame, verdict, response)
        responder.reply(response, final: verdict.final)
        if verdict.final || !responder.takesLaterAnswers { frame.responder = nil }
    }

    private func refine(_ frame: Frame, _ verdict: Verdict) {
        let response = answer(frame, verdict)
        metrics.refined(task: frame.task, after: time.now - frame.arrivedAt)
        if let receipt = frame.receipt {
            receipts.settle(
                receipt, response.json(answering: frame.request), now: time.now)
        } else {
            frame.responder?.reply(response, final: true)
            frame.responder = nil
        }
        tracer?.end(frame, tasks[frame.task], node: names, error: nil, now: time.now)
    }

    private func answer(_ frame: Frame, _ verdict: Verdict) -> InferResponse {
        let task = tasks[frame.task]
        var response =
            switch verdict.answerer {
            case .here: Answers.local(frame, task: task, node: names)
            case .peer: Answers.upstream(frame, task: task, peer: peers[frame.peer])
            }
        Answers.finish(&response, verdict, frame: frame, node: names, now: time.now)
        return response
    }

    private func count(_ frame: Frame, _ verdict: Verdict, _ response: InferResponse) {
        metrics.answered(
            task: frame.task, tier: response.parameters.string("canopy.tier") ?? names.tier,
            accepted: verdict.accepted, degraded: verdict.degraded,
            after: time.now - frame.arrivedAt)
        if verdict.final {
            tracer?.end(frame, tasks[frame.task], node: names, error: nil, now: time.now)
        }
    }

    private func refuse(_ frame: Frame, _ refusal: Refusal) {
        metrics.refused(task: frame.task, refusal)
        let fault = Refusals.fault(refusal, frame: frame, task: tasks[frame.task])
        frame.responder?.refuse(fault)
        frame.responder = nil
        tracer?.end(
            frame, tasks[frame.task], node: names, error: fault.message, now: time.now)
    }

    private func compare(_ frame: Frame) {
        guard let local = frame.outcome?.classes.first?.label,
            let upstream = frame.upstream?.outputs.first(where: { $0.name == "label" }),
            let best = upstream.elements?.first
        else { return }
        metrics.audited(task: frame.task, agreed: best.array == Array(local.utf8))
    }

    // MARK: Upstream

    private func call(
        _ frame: Frame, peer index: Int, _ attempt: UInt32, _ deadline: Instant, _ purpose: Purpose
    ) {
        let peer = peers[index]
        frame.attempt = attempt
        frame.peer = index
        frame.upstream = nil
        metrics.called(peer: index, purpose)
        let now = time.now
        frame.calledAt = frame.calledAt ?? now
        let handler = EscalationCall(frame.id, attempt: attempt, shard: self)
        let message = frame.escalation(
            to: peer, model: peer.models[frame.task], via: names.name,
            remaining: deadline - now)
        let call = peer.pool.call(
            RPCPath.modelInfer,
            headers: frame.traceHeaders(peer.transit, now: now), deadline: deadline,
            handler: handler)
        frame.call = call
        if frame.isTraced, call.isCarried { handler.sentAt = now }
        call.send(message: message.encode())
        call.halfClose()
    }
}

/// Hears of one attempt upstream and tells the node.
final class EscalationCall: ClientCallHandler {
    private let id: FrameID
    private let attempt: UInt32
    /// When the request went out, where that is to be noted and it had not to wait.
    var sentAt: Instant?
    private unowned let shard: Shard
    private var response: InferResponse?

    init(_ id: FrameID, attempt: UInt32, shard: Shard) {
        self.id = id
        self.attempt = attempt
        self.shard = shard
    }

    func message(_ bytes: Bytes) {
        response = try? InferResponse.decode(bytes)
    }

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        guard let frame = shard.frame(id), frame.attempt == attempt else { return }
        if status.code == .ok, let response {
            frame.upstream = response
            if let sentAt { shard.noteTransit(of: frame, since: sentAt, response) }
            let accepted = response.parameters.bool("canopy.accepted") ?? true
            shard.hear(.frame(id, .answered(attempt: attempt, accepted: accepted)))
        } else {
            // Kept for the case that nobody has an answer: then these are the words to pass on.
            frame.fault = fault ?? Refusals.unreadableAnswer
            shard.hear(.frame(id, .failed(attempt: attempt, CallFailure(status.code))))
        }
    }
}

extension CallFailure {
    /// What a peer's status means for the attempt.
    init(_ code: GRPCStatus.Code) {
        self =
            switch code {
            case .deadlineExceeded: .timeout
            case .resourceExhausted: .overloaded
            case .invalidArgument, .failedPrecondition, .outOfRange, .alreadyExists: .refused
            case .notFound, .permissionDenied, .unauthenticated, .unimplemented: .unserved
            default: .unreachable
            }
    }
}
