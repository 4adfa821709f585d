import Ground
import HTTP
import Routing
import Wire

/// ModelInfer: one request, one answer. A refinement of it is kept under a receipt.
final class UnaryInfer: CallHandler, FrameResponder {
    private let call: ServerCall
    private let access: Access
    private let shard: Shard
    @exclusivity(unchecked) private var frame: FrameID?
    @exclusivity(unchecked) private var hasMessage = false

    let takesLaterAnswers = false

    init(_ call: ServerCall, _ access: Access, _ shard: Shard) {
        self.call = call
        self.access = access
        self.shard = shard
    }

    func message(_ bytes: Bytes) {
        guard !hasMessage else {
            if let frame { shard.cancel(frame) }
            return call.finish(
                Fault(
                    .invalid, "a second message came on a unary call", source: .client,
                    remedy: "send one, or use ModelStreamInfer"))
        }
        hasMessage = true
        do throws(Fault) {
            let request = try InferRequest.decode(bytes)
            let work = try access.work(
                for: request, in: shard, timeout: call.timeout, trace: shard.parentTrace(of: call))
            frame = shard.submit(request, work, to: self)
        } catch {
            shard.metrics.rejected(error)
            call.finish(error)
        }
    }

    func halfClosed() {
        guard !hasMessage else { return }
        call.finish(Fault(.invalid, "the call ended without a message", source: .client))
    }

    func cancelled(_ fault: Fault) {
        if let frame { shard.cancel(frame) }
    }

    func reply(_ response: InferResponse, final: Bool) {
        call.send(message: response.encode())
        call.finish()
    }

    func refuse(_ fault: Fault) { call.finish(fault) }
}
