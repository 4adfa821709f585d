import Ground
import HTTP
import Routing
import Wire

/// `POST /v2/models/TASK/infer`: the same as ModelInfer, in JSON.
final class RestInfer: CallHandler, FrameResponder {
    private let call: ServerCall
    private let task: String
    private let access: Access
    private let shard: Shard
    private var frame: FrameID?

    let takesLaterAnswers = false

    init(_ call: ServerCall, task: String, _ access: Access, _ shard: Shard) {
        self.call = call
        self.task = task
        self.access = access
        self.shard = shard
    }

    func message(_ bytes: Bytes) {
        do throws(Fault) {
            let request = try InferRequest(json: bytes, model: task)
            let work = try access.work(
                for: request, in: shard, timeout: nil, trace: call.header("traceparent"))
            frame = shard.submit(request, work, to: self)
        } catch {
            shard.metrics.rejected(error.code)
            call.finish(error)
        }
    }

    func halfClosed() {}

    func cancelled(_ fault: Fault) {
        if let frame { shard.cancel(frame) }
    }

    func reply(_ response: InferResponse, final: Bool) {
        call.respond(
            status: 200, headers: [("content-type", "application/json")],
            body: [response.json()])
    }

    func refuse(_ fault: Fault) { call.finish(fault) }
}
