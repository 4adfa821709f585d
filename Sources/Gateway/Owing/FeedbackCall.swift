import Cryptography
import EventLoop
import Ground
import HTTP
import Records
import Wire

/// A true label that is given at a node which keeps no records itself: it goes the way of the
/// node's results, behind the one that it is about, and is safe on disk when its giver hears so.
final class FeedbackCall: CallHandler {
    private let call: ServerCall
    private let shard: Shard
    private let spool: SpoolLink
    private var hasMessage = false

    init(_ call: ServerCall, _ shard: Shard, _ spool: SpoolLink) {
        self.call = call
        self.shard = shard
        self.spool = spool
    }

    func message(_ bytes: Bytes) {
        guard !hasMessage else { return }
        hasMessage = true
        do throws(Fault) {
            try keep(Feedback.decode(bytes))
        } catch {
            call.finish(error)
        }
    }

    private func keep(_ feedback: Feedback) throws(Fault) {
        guard !feedback.request.isEmpty, !feedback.task.isEmpty else {
            throw Fault(
                .invalid, "the feedback names no frame", source: .client,
                remedy: "give the request's id and the task")
        }
        for text in [feedback.request, feedback.task, feedback.label]
        where text.utf8.count > Self.textLimit {
            throw Fault(
                .invalid, "a text of \(text.utf8.count) bytes in the feedback", source: .client,
                remedy: "give at most \(Self.textLimit)")
        }
        let now = shard.time.wall
        let label = LabelRecord(
            request: feedback.request, task: feedback.task, label: feedback.label,
            labelledAt: feedback.labelledAt.nanoseconds == 0 ? now : feedback.labelledAt,
            who: call.identity?.description ?? "nobody")
        let record = OwedRecord(at: now, clock: spool.clock(now), body: .label(label))
        let back = LoopConfined(self, to: shard.loop.poster)
        spool.append(.result, record.encode()) { isKept in
            back.post { $0.end(isKept) }
        }
    }

    /// A label's texts: half of what a hub takes, so that the giver's name has room beside.
    static let textLimit = Delivery.textLimit / 2

    private func end(_ isKept: Bool) {
        guard isKept else {
            return call.finish(
                Fault(
                    .exhausted, "the label could not be written to the spool",
                    remedy: "look at the node's log and its disk, and give the label again",
                    retry: .after(.seconds(1))))
        }
        // Whether its record is known is known above.
        call.send(message: FeedbackReply(known: false).encode())
        call.finish()
    }

    func halfClosed() {
        guard !hasMessage else { return }
        call.finish(Fault(.invalid, "the call ended without a message", source: .client))
    }

    func cancelled(_ fault: Fault) {}
}
