import Cryptography
import EventLoop
import Ground
import HTTP
import Records
import Topology
import Wire

/// The methods of canopy.v1.Records, and the one of canopy.v1.Peer that ends in them.
enum RecordsMethod {
    case query, label, explain, stats, feedback, telemetry, nodes, audit

    init?(path: String) {
        switch path {
        case RPCPath.queryRecords: self = .query
        case RPCPath.labelRecord: self = .label
        case RPCPath.explainRecord: self = .explain
        case RPCPath.recordStats: self = .stats
        case RPCPath.submitFeedback: self = .feedback
        case RPCPath.telemetry: self = .telemetry
        case RPCPath.knownNodes: self = .nodes
        case RPCPath.audit: self = .audit
        default: return nil
        }
    }

    /// What its caller must be allowed. Feedback shows nothing of what is kept: who may send frames
    /// may say what they were.
    var verb: Identity.Verb { self == .feedback ? .infer : .records }
}

/// One call of canopy.v1.Records: one message, one answer, worked out off the loop.
final class RecordsCall: CallHandler {
    private let call: ServerCall
    private let method: RecordsMethod
    private let shard: Shard
    private let store: RecordStore
    private var hasMessage = false

    init(_ call: ServerCall, _ method: RecordsMethod, _ shard: Shard, _ store: RecordStore) {
        self.call = call
        self.method = method
        self.shard = shard
        self.store = store
    }

    func message(_ bytes: Bytes) {
        guard !hasMessage else { return }
        hasMessage = true
        // The bytes are the connection's memory for as long as the call lasts.
        let question = RecordsQuestion(
            method: method, bytes: bytes, store: store, node: shard.names.name,
            who: call.identity?.description ?? "nobody", now: shard.time.wall)
        do throws(Fault) {
            try shard.loop.offLoop {
                Result { () throws(Fault) in try question.answer() }
            } completion: { [self] (result: Result<[Bytes], Fault>) in
                end(result)
            }
        } catch {
            call.finish(error)
        }
    }

    private func end(_ result: Result<[Bytes], Fault>) {
        switch result {
        case .success(let answer):
            call.send(message: answer)
            call.finish()
        case .failure(let fault): call.finish(fault)
        }
    }

    func halfClosed() {
        guard !hasMessage else { return }
        call.finish(Fault(.invalid, "the call ended without a message", source: .client))
    }

    func cancelled(_ fault: Fault) {}
}

/// What is asked of a store, from any thread.
struct RecordsQuestion: Sendable {
    let method: RecordsMethod
    let bytes: Bytes
    let store: RecordStore
    let node: String
    /// Who asks, for the labels that they give.
    let who: String
    let now: WallTime

    /// The answer's message. Blocks.
    func answer() throws(Fault) -> [Bytes] {
        switch method {
        case .query: return try query().encode()
        case .label: return try label().encode()
        case .explain: return try explain().encode()
        case .stats: return try stats().encode()
        case .feedback: return try feedback().encode()
        case .telemetry: return try telemetry().encode()
        case .nodes: return try nodes().encode()
        case .audit: return try audit().encode()
        }
    }

    private func query() throws(Fault) -> RecordsPage {
        let page = try store.query(RecordQuery(RecordsQuery.decode(bytes)))
        var answer = RecordsPage()
        answer.records = page.rows.map(StoredRecord.init)
        answer.next = page.next?.text ?? ""
        answer.damaged = page.damaged
        return answer
    }

    private func label() throws(Fault) -> LabelReply {
        let request = try LabelRequest.decode(bytes)
        let target: LabelTarget
        if !request.record.isEmpty {
            target = .record(request.record)
        } else if !request.request.isEmpty, !request.task.isEmpty {
            target = .request(request.request, task: request.task)
        } else {
            throw Fault(
                .invalid, "the label names no record", source: .client,
                remedy: "give a record's id, or the request's id and the task")
        }
        return try attach(request.label, request.at, to: target)
    }

    private func feedback() throws(Fault) -> FeedbackReply {
        let feedback = try Feedback.decode(bytes)
        guard !feedback.request.isEmpty, !feedback.task.isEmpty else {
            throw Fault(
                .invalid, "the feedback names no frame", source: .client,
                remedy: "give the request's id and the task")
        }
        let at = feedback.labelledAt.nanoseconds == 0 ? nil : feedback.labelledAt
        let target = LabelTarget.request(feedback.request, task: feedback.task)
        return FeedbackReply(known: try attach(feedback.label, at, to: target).known)
    }

    private func attach(
        _ label: String, _ at: WallTime?, to target: LabelTarget
    ) throws(Fault) -> LabelReply {
        let truth = TrueLabel(label: label, at: at ?? now, who: who)
        let done = try store.label(target, truth, now: now)
        return LabelReply(known: done.known, records: done.records.map(\.description))
    }

    private func explain() throws(Fault) -> RecordExplanation {
        let found = try store.explain(record: ExplainRequest.decode(bytes).record)
        var answer = RecordExplanation()
        answer.id = found.key.description
        answer.lines = found.lines
        answer.answers = found.answers.map(StoredRecord.init)
        return answer
    }

    private func stats() throws(Fault) -> RecordStatsReply {
        let task = try RecordStatsRequest.decode(bytes).task
        var reply = RecordStatsReply(try store.stats(), try store.accuracy(task: task))
        reply.node = node
        return reply
    }
}
