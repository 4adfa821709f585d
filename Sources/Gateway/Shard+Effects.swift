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
        case .alert(let id, let confidence): with(id) { alert($0, confidence) }
        case .call(let id, let peerCall): with(id) { call($0, peerCall) }
        case .cancelCall(let id, let attempt):
            with(id) { $0.cancelCall(attempt) }
        case .arm(let id, let at): with(id) { due($0, at: at) }
        case .reply(let id, let verdict): with(id) { reply($0, verdict) }
        case .refine(let id, let verdict): with(id) { refine($0, verdict) }
        case .refuse(let id, let refusal): with(id) { refuse($0, refusal) }
        case .compare(let id, _): with(id) { compare($0) }
        case .owe(let id, let reason): with(id) { owe($0, reason) }
        case .record(let id): with(id) { keepRecord(of: $0) }
        case .forget(let id): with(id) { forget($0) }
        case .probe(let peer, let number, let deadline): probe(peer, number, deadline)
        case .noted(let change): noted(change)
        case .tell(let letter): post.add(letter)
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
        let now = time.now
        let response = answer(frame, verdict, now: now)
        count(frame, verdict, response, now: now)
        if spool != nil { frame.told = response }
        if let liveFrames, frame.isFromNode, verdict.final, !(responder is OwedFrame) {
            liveFrames.add(frame, tasks[frame.task])
        }
        responder.reply(response, final: verdict.final)
        if verdict.final || !responder.takesLaterAnswers { frame.responder = nil }
    }

    private func refine(_ frame: Frame, _ verdict: Verdict) {
        let now = time.now
        let response = answer(frame, verdict, now: now)
        metrics.refined(task: frame.task, after: now - frame.arrivedAt)
        if spool != nil { frame.told = response }
        if let receipt = frame.receipt, frame.responder == nil {
            // What is owed stays pending here, and is found in the spool's book.
            if !frame.isOwed {
                receipts.settle(receipt, response.json(answering: frame.request), now: now)
            }
        } else {
            frame.responder?.reply(response, final: true)
            frame.responder = nil
        }
        tracer?.end(frame, tasks[frame.task], node: names, error: nil, now: time.now)
    }

    private func answer(_ frame: Frame, _ verdict: Verdict, now: Instant) -> InferResponse {
        let task = tasks[frame.task]
        var response =
            switch verdict.answerer {
            case .here: Answers.local(frame, task: task, node: names)
            case .peer: Answers.upstream(frame, task: task, peer: peers[frame.peer])
            case .nobody: Answers.safe(frame, task: task, node: names)
            }
        Answers.finish(&response, verdict, frame: frame, node: names, now: now)
        if !frame.options.via.isEmpty {
            response.parameters["canopy.load"] = .string("\(load.held)/\(load.room)")
        }
        return response
    }

    private func count(
        _ frame: Frame, _ verdict: Verdict, _ response: InferResponse, now: Instant
    ) {
        metrics.answered(
            task: frame.task, tier: response.parameters.string("canopy.tier") ?? names.tier,
            accepted: verdict.accepted, degraded: verdict.degraded,
            after: now - frame.arrivedAt)
        if verdict.final {
            tracer?.end(frame, tasks[frame.task], node: names, error: nil, now: now)
        }
    }

    private func refuse(_ frame: Frame, _ refusal: Refusal) {
        let fault = Refusals.fault(refusal, frame: frame, task: tasks[frame.task])
        metrics.refused(task: frame.task, refusal, fault, after: time.now - frame.arrivedAt)
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

    private func call(_ frame: Frame, _ order: PeerCall) {
        let peer = peers[order.peer]
        metrics.called(order)
        let now = time.now
        frame.calledAt = frame.calledAt ?? now
        let handler = EscalationCall(frame.id, order, shard: self)
        let message = frame.escalation(
            isCanopy: peer.speaksCanopy, model: peer.models[frame.task], via: names.name,
            remaining: order.deadline - now)
        let call = peer.pool.call(
            RPCPath.modelInfer, headers: frame.traceHeaders(peer.transit, now: now),
            deadline: order.deadline, handler: handler)
        frame.began(call, attempt: order.attempt)
        if frame.isTraced, call.isCarried { handler.sentAt = now }
        call.send(message: message.encode())
        call.halfClose()
    }

    /// Asks a peer whether it is there.
    private func probe(_ index: Int, _ number: UInt32, _ deadline: Instant) {
        let peer = peers[index]
        let handler = ProbeCall(peer: index, number: number, shard: self)
        // A Canopy also says whether it drains.
        let path = peer.speaksCanopy ? RPCPath.reportLoad : RPCPath.serverLive
        // Probes find out whether a peer is back; how often is the node's to say, not the pool's.
        peer.pool.endPause()
        let call = peer.pool.call(path, deadline: deadline, handler: handler)
        call.send(message: peer.speaksCanopy ? LoadReportRequest().encode() : [])
        call.halfClose()
    }
}

/// Hears of one probe and tells the node.
final class ProbeCall: ClientCallHandler {
    private let peer: Int
    private let number: UInt32
    private weak var shard: Shard?
    private var isLive = false
    private var isDraining = false

    init(peer: Int, number: UInt32, shard: Shard) {
        self.peer = peer
        self.number = number
        self.shard = shard
    }

    func message(_ bytes: Bytes) {
        guard shard?.peers[peer].speaksCanopy == true else {
            isLive = (try? Readiness.decode(bytes))?.ready ?? false
            return
        }
        guard let report = try? LoadReport.decode(bytes) else { return }
        isLive = true
        isDraining = report.draining
    }

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        guard let shard else { return }
        // An older node reports no load; that it says so shows that it lives.
        let isWell = status.code == .ok ? isLive : status.code == .unimplemented
        shard.hear(.probed(peer: peer, number: number, isWell: isWell))
        guard isWell, shard.knownPeers[peer].isDraining != isDraining else { return }
        shard.hear(.peerDraining(peer: peer, isDraining))
        shard.changes?.note(draining: isDraining, peer: shard.peers[peer].name)
    }
}

/// Hears of one attempt upstream and tells the node.
final class EscalationCall: ClientCallHandler {
    private let id: FrameID
    private let attempt: UInt32
    private let peer: Int
    /// When the request went out, where that is to be noted and it had not to wait.
    var sentAt: Instant?
    private unowned let shard: Shard
    private var response: InferResponse?

    init(_ id: FrameID, _ order: PeerCall, shard: Shard) {
        self.id = id
        attempt = order.attempt
        peer = order.peer
        self.shard = shard
    }

    func message(_ bytes: Bytes) {
        response = try? InferResponse.decode(bytes)
    }

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        guard let frame = shard.frame(id), frame.ended(attempt) else { return }
        if status.code == .ok, let response {
            frame.upstream = response
            frame.peer = peer
            if let sentAt { shard.noteTransit(of: frame, since: sentAt, response) }
            let accepted = response.parameters.bool("canopy.accepted") ?? true
            shard.hear(
                .frame(
                    id,
                    .answered(
                        attempt: attempt, accepted: accepted,
                        alert: shard.tasks[frame.task].alertScore(of: response)?.confidence,
                        load: PeerLoad(response.parameters))))
        } else {
            // Kept for the case that nobody has an answer: then these are the words to pass on.
            frame.fault = fault ?? Refusals.unreadableAnswer
            shard.hear(.frame(id, .failed(attempt: attempt, CallFailure(status.code))))
        }
    }
}

extension PeerLoad {
    /// What a node said of its load with its answer; `nil` when it said nothing.
    init?(_ parameters: Parameters) {
        let numbers = parameters.string("canopy.load")?.split(separator: "/").map { Int($0) }
        guard let numbers, numbers.count == 2, let held = numbers[0], let room = numbers[1],
            held >= 0, room >= 0
        else { return nil }
        self.init(held: held, room: room)
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
