internal import EventLoop
public import Ground
internal import HTTP
public import Wire

/// One bidirectional stream of frames to a node. May be used from any thread.
public final class FrameStream: Sendable {
    private let call: LoopConfined<Link>
    private let state: LoopConfined<StreamState>

    init(
        _ link: LoopConfined<Link>, answered: @escaping @Sendable (StreamResponse) -> Void,
        ended: @escaping @Sendable (Fault?) -> Void
    ) {
        call = link
        let state = StreamState(answered, ended)
        self.state = LoopConfined(state, to: link.poster)
        let confined = self.state
        let posted = link.post { confined.onLoop.open($0) }
        if !posted { ended(CanopyClient.closed) }
    }

    /// Sends one request.
    public func send(_ request: InferRequest) {
        state.post { $0.call?.send(message: request.encode()) }
    }

    /// Says that no request follows; the stream ends when all are answered.
    public func finish() {
        state.post { $0.call?.halfClose() }
    }
}

/// The half of a stream that lives on its loop.
final class StreamState: ClientCallHandler {
    var call: ClientCall?
    private let answered: @Sendable (StreamResponse) -> Void
    private let ended: @Sendable (Fault?) -> Void

    init(
        _ answered: @escaping @Sendable (StreamResponse) -> Void,
        _ ended: @escaping @Sendable (Fault?) -> Void
    ) {
        self.answered = answered
        self.ended = ended
    }

    func open(_ link: Link) {
        call = link.pool.call(RPCPath.modelStreamInfer, deadline: nil, handler: self)
    }

    func message(_ bytes: Bytes) {
        do throws(Fault) {
            answered(try StreamResponse.decode(bytes))
        } catch {
            call?.cancel()
        }
    }

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        call = nil
        ended(fault)
    }
}
