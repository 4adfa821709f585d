import EventLoop
import Ground
import HTTP
import Synchronization
import Wire

/// A node that answers each request with its own inputs, or as a test wants it. It says that it
/// serves, unless it drains.
final class FakeNode: Sendable {
    enum Manner: Sendable {
        case echoes
        /// Takes requests and never answers.
        case hangs
        /// Answers with bytes that are no answer.
        case babbles
        /// Accepts connections and reads nothing.
        case deaf
        /// Answers every second request before the one that came before it.
        case swaps
        /// Answers twice: first that it is not sure.
        case refines
        /// Refuses every frame as a node does that ends, and says so when asked for its health.
        case drains
        /// Lets nobody send frames.
        case forbids
    }

    /// What it was sent: ids of frames, in their order.
    final class Log: Sendable {
        private let frames = Mutex<[String]>([])
        var ids: [String] { frames.withLock { $0 } }
        func add(_ id: String) { frames.withLock { $0.append(id) } }
    }

    private let thread: LoopThread
    let endpoint: Endpoint
    let log = Log()

    /// - Parameters:
    ///   - delay: before each of its answers.
    ///   - neighbours: what it tells of; a node without any does not know the question.
    ///   - port: 0 lets the kernel choose.
    init(
        _ manner: Manner, delay: Interval = .zero, neighbours: [Neighbour] = [], port: Int = 0
    ) throws {
        let bound = Mutex(0)
        let log = log
        thread = try LoopThread(name: "node") { (loop) throws(Fault) in
            let poster = loop.poster
            let service = FakeService { [unowned loop] call in
                FakeHandler(call, manner, log, neighbours) { body in
                    if delay == .zero { return body() }
                    _ = loop.schedule(after: delay, body)
                }
            }
            let server = Server(
                service, budget: ByteBudget(limit: 64 << 20), network: loop,
                hooks: LoopHooks(
                    endOfTurn: { [unowned loop] in loop.atEndOfTurn($0) },
                    post: { poster.post($0) }))
            let listener = try loop.listen(on: Endpoint(host: "127.0.0.1", port: port)) {
                if case .deaf = manner { return $0.setReading(false) }
                server.accept($0)
            }
            bound.withLock { $0 = listener.port }
        }
        endpoint = Endpoint(host: "127.0.0.1", port: bound.withLock { $0 })
    }

    /// Ends it at once: its connections break.
    func stop() {
        thread.stop()
        thread.join()
    }
}

private final class FakeService: Service {
    private let make: (ServerCall) -> any CallHandler
    init(_ make: @escaping (ServerCall) -> any CallHandler) { self.make = make }
    func begin(_ call: ServerCall) -> any CallHandler { make(call) }
}

private final class FakeHandler: CallHandler {
    private let call: ServerCall
    private let manner: FakeNode.Manner
    private let log: FakeNode.Log
    private let neighbours: [Neighbour]
    private let later: (@escaping () -> Void) -> Void
    private var kept: InferRequest?
    private var isOver = false

    init(
        _ call: ServerCall, _ manner: FakeNode.Manner, _ log: FakeNode.Log,
        _ neighbours: [Neighbour], later: @escaping (@escaping () -> Void) -> Void
    ) {
        self.call = call
        self.manner = manner
        self.log = log
        self.neighbours = neighbours
        self.later = later
        if case .forbids = manner, isFrames {
            finish(Fault(.forbidden, "this identity may not use infer", source: .client))
        }
    }

    private var isFrames: Bool {
        [RPCPath.modelInfer, RPCPath.modelStreamInfer].contains(call.path)
    }

    func message(_ bytes: Bytes) {
        if isOver { return }
        if case .babbles = manner { return call.send(message: [Bytes([0xFF, 0xFF])]) }
        switch call.path {
        case RPCPath.healthCheck:
            var status = HealthResponse.Status.serving
            if case .drains = manner { status = .notServing }
            answer(HealthResponse(status))
        case RPCPath.neighbours where !neighbours.isEmpty: answer(NeighboursResponse(neighbours))
        case RPCPath.neighbours: finish(Fault(.unsupported, "there is no such method"))
        default:
            guard let request = try? InferRequest.decode(bytes) else { return }
            log.add(request.id)
            frame(request)
        }
    }

    private func frame(_ request: InferRequest) {
        switch manner {
        case .hangs: return
        case .swaps:
            guard let before = kept else { return kept = request }
            kept = nil
            echo(request)
            echo(before)
        case .refines:
            echo(request, isFinal: false)
            echo(request)
        case .drains:
            answer(StreamResponse(error: "this node ends", id: request.id, code: .unavailable))
        default: echo(request)
        }
    }

    private func echo(_ request: InferRequest, isFinal: Bool = true) {
        var answer = InferResponse(
            model: request.model, id: request.id, outputs: request.inputs)
        guard call.path == RPCPath.modelStreamInfer else { return self.answer(answer) }
        answer.parameters["triton_final_response"] = .bool(isFinal)
        self.answer(StreamResponse(answer))
    }

    private func answer(_ message: some WireMessage) {
        let bytes = message.encode()
        later { [self] in if !isOver { call.send(message: bytes) } }
    }

    private func finish(_ fault: Fault?) {
        later { [self] in
            if isOver { return }
            isOver = true
            call.finish(fault)
        }
    }

    func halfClosed() {
        if isOver { return }
        if case .hangs = manner, isFrames { return }
        finish(nil)
    }

    func cancelled(_ fault: Fault) { isOver = true }
}
