import Ground
import HTTP
import Routing
import Wire

/// ModelStreamInfer: many requests on one call, answered in any order under their ids. In `refine`
/// mode a request has two answers; the last carries `triton_final_response`.
final class StreamInfer: CallHandler {
    /// Frames under way on one stream: eight seconds of a camera at 30 FPS. A sender who is further
    /// ahead is told so instead of filling the node.
    static let mostFrames = 256

    private let call: ServerCall
    private let access: Access
    private let shard: Shard
    private var items: [ObjectIdentifier: StreamItem] = [:]
    private var clientIsDone = false
    private var hasEnded = false
    let isStream = true

    init(_ call: ServerCall, _ access: Access, _ shard: Shard) {
        self.call = call
        self.access = access
        self.shard = shard
    }

    func message(_ bytes: Bytes) {
        let request: InferRequest
        do throws(Fault) {
            request = try InferRequest.decode(bytes)
        } catch {
            shard.metrics.rejected(error)
            return abort(error)
        }
        let item = StreamItem(self, id: request.id)
        items[ObjectIdentifier(item)] = item
        guard items.count <= Self.mostFrames else {
            shard.metrics.rejected(Refusals.streamFull)
            return item.refuse(Refusals.streamFull)
        }
        do throws(Fault) {
            // The stream's headers are older than its requests.
            let trace = shard.parentTrace(of: call)?.withoutArrival
            let work = try access.work(for: request, in: shard, timeout: nil, trace: trace)
            item.frame = shard.submit(request, work, to: item)
        } catch {
            shard.metrics.rejected(error)
            item.refuse(error)
        }
    }

    func halfClosed() {
        clientIsDone = true
        finishWhenDone()
    }

    func cancelled(_ fault: Fault) {
        hasEnded = true
        shard.closed(self)
        cancelFrames()
    }

    /// The node drains: the stream ends once its frames are answered, so that its client goes on
    /// elsewhere.
    func drain() { finishWhenDone() }

    /// Ends the stream for what its client did, and all work for it.
    private func abort(_ fault: Fault) {
        end(fault)
        cancelFrames()
    }

    private func cancelFrames() {
        let frames = items.values.compactMap(\.frame)
        items = [:]
        for frame in frames { shard.cancel(frame) }
    }

    fileprivate func send(_ response: InferResponse, final: Bool, of item: StreamItem) {
        var response = response
        response.parameters["triton_final_response"] = .bool(final)
        call.send(message: StreamResponse(response).encode())
        if final { drop(item) }
    }

    fileprivate func refuse(_ fault: Fault, id: String, of item: StreamItem) {
        // One request's failure does not end the stream: the protocol has a place for its words.
        let words = GRPCStatus(fault).message
        call.send(message: StreamResponse(error: words, id: id, code: fault.code).encode())
        drop(item)
    }

    /// The answer to a frame that was owed, after its last one.
    fileprivate func send(later response: InferResponse) {
        guard !hasEnded else { return }
        var response = response
        response.parameters["triton_final_response"] = .bool(true)
        call.send(message: StreamResponse(response).encode())
    }

    private func drop(_ item: StreamItem) {
        items[ObjectIdentifier(item)] = nil
        finishWhenDone()
    }

    private func finishWhenDone() {
        guard items.isEmpty else { return }
        if clientIsDone {
            end(nil)
        } else if shard.isDraining {
            end(Refusals.draining)
        }
    }

    private func end(_ fault: Fault?) {
        hasEnded = true
        shard.closed(self)
        call.finish(fault)
    }
}

/// One request of a stream.
final class StreamItem: FrameResponder {
    private weak var stream: StreamInfer?
    private let id: String
    var frame: FrameID?

    let takesLaterAnswers = true

    init(_ stream: StreamInfer, id: String) {
        self.stream = stream
        self.id = id
    }

    func reply(_ response: InferResponse, final: Bool) {
        stream?.send(response, final: final, of: self)
    }

    func refuse(_ fault: Fault) { stream?.refuse(fault, id: id, of: self) }

    /// Gives the answer that was owed, if the stream is still open.
    func later(_ response: InferResponse) { stream?.send(later: response) }
}

extension Refusals {
    static let streamFull = Fault(
        .exhausted, "this stream has \(StreamInfer.mostFrames) frames under way, as many as may",
        remedy: "await answers before sending more", retry: .after(.milliseconds(100)))
}
