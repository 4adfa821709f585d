internal import EventLoop
internal import Ground
internal import HTTP
public import Wire

/// One bidirectional stream of frames to one node, which ends when that node does; `CameraStream`
/// goes on elsewhere. May be used from any thread.
///
/// Give every request an `id` that no other one under way has: answers come in any order. A stream
/// that is dropped takes no more requests, and those under way are still answered.
public final class FrameStream: Sendable {
    /// Request bytes that wait for the connection: as many as a node takes in one message by
    /// default. A link that is slower than its camera must not fill the camera's memory.
    public static let mostUnsent = 64 << 20

    private let state: LoopConfined<StreamState>

    init(
        _ link: LoopConfined<Roamer>, answered: @escaping @Sendable (StreamResponse) -> Void,
        ended: @escaping @Sendable (Fault?) -> Void
    ) {
        let confined = LoopConfined(StreamState(answered, ended), to: link.poster)
        state = confined
        let posted = link.post { confined.onLoop.open($0) }
        if !posted { ended(CanopyClient.closed) }
    }

    /// Sends one request. When more than `mostUnsent` bytes wait already it is not sent and
    /// `answered` hears of it, as of any other error; after `ended` nothing happens.
    public func send(_ request: InferRequest) { state.post { $0.send(request) } }

    /// Says that no request follows; the stream ends when all are answered.
    public func finish() { state.post { $0.call?.halfClose() } }

    /// Gives the stream up: `ended` hears `cancelled`, and the node stops its work for it.
    public func cancel() { state.post { $0.call?.cancel() } }

    deinit { finish() }
}

/// The half of a stream that lives on its loop.
final class StreamState: ClientCallHandler {
    var call: ClientCall?
    private let answered: @Sendable (StreamResponse) -> Void
    private let ended: @Sendable (Fault?) -> Void
    /// Why we gave the stream up.
    private var broken: Fault?

    init(
        _ answered: @escaping @Sendable (StreamResponse) -> Void,
        _ ended: @escaping @Sendable (Fault?) -> Void
    ) {
        self.answered = answered
        self.ended = ended
    }

    func open(_ roamer: Roamer) {
        guard let station = roamer.anybody else {
            return ended(
                Fault(
                    .unavailable, "no node is chosen yet",
                    remedy: "use `stream(_:task:)`, which waits for one and follows it"))
        }
        call = station.pool.call(RPCPath.modelStreamInfer, deadline: nil, handler: self)
    }

    func send(_ request: InferRequest) {
        guard let call else { return }
        guard call.unsent <= FrameStream.mostUnsent else {
            return answered(
                StreamResponse(
                    error: "\(call.unsent) bytes wait for the node already; send fewer or smaller"
                        + " frames, or await answers", id: request.id))
        }
        call.send(message: request.encode())
    }

    func message(_ bytes: Bytes) {
        do throws(Fault) {
            answered(try StreamResponse.decode(bytes))
        } catch {
            broken = error
            call?.cancel()
        }
    }

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        call = nil
        ended(broken ?? fault)
    }
}
