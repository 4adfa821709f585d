import Ground
import HTTP
import Routing
import Wire

/// `POST /v2/models/TASK/infer`: the same as ModelInfer, in JSON.
final class RestInfer: CallHandler, FrameResponder {
    private let call: ServerCall
    private let path: ModelPath
    private let access: Access
    private let shard: Shard
    private var frame: FrameID?
    private var request: InferRequest?

    let takesLaterAnswers = false

    init(_ call: ServerCall, _ path: ModelPath, _ access: Access, _ shard: Shard) {
        self.call = call
        self.path = path
        self.access = access
        self.shard = shard
    }

    func message(_ bytes: Bytes) {
        do throws(Fault) {
            let binary = call.header("inference-header-content-length").flatMap { Int($0) }
            var request = try InferRequest.decodeJSON(
                bytes, headerLength: binary, model: path.task)
            request.version = path.version
            self.request = request
            let work = try access.work(
                for: request, in: shard, timeout: nil, trace: shard.parentTrace(of: call))
            frame = shard.submit(request, work, to: self)
        } catch {
            shard.metrics.rejected(error)
            call.finish(error)
        }
    }

    func halfClosed() {}

    func cancelled(_ fault: Fault) {
        if let frame { shard.cancel(frame) }
    }

    func reply(_ response: InferResponse, final: Bool) {
        guard let request else { return }
        call.answer(with: response.json(answering: request))
    }

    func refuse(_ fault: Fault) { call.finish(fault) }
}

extension ServerCall {
    /// Sends a JSON answer, with the protocol's header when binary contents follow the JSON.
    func answer(with answer: JSONAnswer) {
        var headers = [("content-type", "application/json")]
        if let length = answer.headerLength {
            headers = [
                ("content-type", "application/octet-stream"),
                ("inference-header-content-length", "\(length)"),
            ]
        }
        respond(status: 200, headers: headers, body: answer.body)
    }
}
