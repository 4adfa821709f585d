public import Cryptography
internal import EventLoop
public import Ground
internal import HTTP
internal import Synchronization
public import Wire

/// Sends frames to the nearest of its nodes and hears their answers. May be used from any thread;
/// it has one loop of its own, and its connections stay open between frames.
///
/// ```swift
/// let client = try CanopyClient(
///     nodes: [NodeAddress("10.0.0.5:8443", name: "leaf-a"),
///             NodeAddress("10.0.0.6:8443", name: "leaf-b")],
///     identity: .certified(folder: "certificates", name: "camera"))
/// let camera = try client.stream("cam-1", task: "meter-digits") { outcome in
///     print(outcome.sequence, outcome.answer?.label ?? "–")
/// }
/// try camera.send(picture: jpeg)
/// ```
///
/// It asks each node for its health twice a second. Frames go to the one that answers soonest,
/// until another is nearer by more than 20 % or this one is lost; then they go on there, and those
/// without an answer are sent again under their own names. While no node answers they wait in the
/// stream's buffer.
public final class CanopyClient: Sendable {
    /// How the client proves who it is, and what it expects of the node.
    public enum Security: Sendable {
        /// Plain text: for a node on this machine.
        case plain
        /// TLS 1.3, with a certificate of ours where the node asks for one.
        case tls(trust: [UInt8], credentials: TLSCredentials?, expecting: ExpectedPeer)
    }

    /// What went over the sockets so far, TLS and its handshakes included.
    public struct Traffic: Sendable {
        public var bytesIn = 0
        public var bytesOut = 0
        public var connections = 0
        public var handshakes = 0

        mutating func add(_ other: Traffic) {
            bytesIn += other.bytesIn
            bytesOut += other.bytesOut
            connections += other.connections
            handshakes += other.handshakes
        }
    }

    /// Bytes that answers under way may hold: 64 answers of a megabyte.
    static let answerBytes = 64 << 20
    /// How long a short question may take.
    static let patience = Interval.seconds(10)

    private let thread: LoopThread
    let roamer: LoopConfined<Roamer>
    let cameras: Cameras

    /// Makes a client of some nodes, of which it uses the nearest. Nothing is sent before the first
    /// frame.
    ///
    /// - Parameters:
    ///   - nodes: 1 to 16 of them.
    ///   - connections: the most that are opened to each, at least 1. One carries hundreds of
    ///     calls; a second keeps small frames from waiting behind a large one.
    /// - Throws: when there are none or too many, or when a certificate or key cannot be read.
    public convenience init(
        nodes: [NodeAddress], identity: ClientIdentity, connections: Int = 2
    ) throws(Fault) {
        try self.init(nodes, identity, connections, discovers: false)
    }

    /// Makes a client that knows one node and learns of its neighbours from it.
    public convenience init(
        seed: NodeAddress, identity: ClientIdentity, connections: Int = 2
    ) throws(Fault) {
        try self.init([seed], identity, connections, discovers: true)
    }

    /// Makes a client of one node. Nothing is sent before the first frame.
    public convenience init(
        node: Endpoint, security: Security, connections: Int = 2
    ) throws(Fault) {
        switch security {
        case .plain:
            try self.init([NodeAddress(node)], .plain, connections, discovers: false)
        case .tls(let trust, let credentials, let peer):
            try self.init(
                [NodeAddress(node, expecting: peer)],
                .certified(trust: trust, credentials: credentials), connections, discovers: false)
        }
    }

    private init(
        _ nodes: [NodeAddress], _ identity: ClientIdentity, _ connections: Int, discovers: Bool
    ) throws(Fault) {
        guard connections >= 1 else {
            throw Fault(
                .invalid, "a client with \(connections) connections came, expected at least 1")
        }
        try Self.check(nodes)
        let context = try Self.context(identity)
        let made = Made()
        thread = try LoopThread(name: "canopy-client") { (loop) throws(Fault) in
            let pools = PoolMaker(loop, context, connections: connections)
            let roamer = Roamer(
                loop, nodes: nodes, discovers: discovers, isSecure: context != nil,
                makePool: pools.pool)
            let confined = LoopConfined(roamer, to: loop.poster)
            made.roamer.withLock { $0 = confined }
        }
        guard let roamer = made.roamer.withLock({ $0 }) else {
            throw Fault(.inner, "the client's loop did not start")
        }
        self.roamer = roamer
        cameras = Cameras(most: connections * Cameras.eachConnection)
    }

    private final class Made: Sendable {
        let roamer = Mutex<LoopConfined<Roamer>?>(nil)
    }

    /// Ends all connections and waits for it; what is under way ends with a fault. Once is enough;
    /// in a completion it does not wait. A client that is dropped ends in the same way.
    public func close() {
        end()
        thread.join()
    }

    private func end() {
        roamer.post { $0.close() }
        thread.stop()
    }

    deinit { end() }

    /// Sends one request and hears its one answer, on the client's thread.
    public func infer(
        _ request: InferRequest, timeout: Interval,
        completion: @escaping @Sendable (Result<InferResponse, Fault>) -> Void
    ) {
        ask(RPCPath.modelInfer, request, timeout: timeout, completion: completion)
    }

    /// Sends one request and waits for its answer.
    public func infer(
        _ request: InferRequest, timeout: Interval
    ) async throws(Fault) -> InferResponse {
        let result = await withCheckedContinuation { continuation in
            infer(request, timeout: timeout) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Opens a stream to one node, the nearest at this moment: requests are answered in any order
    /// under their ids, in `refine` mode twice. Both bodies are called on the client's thread.
    ///
    /// - Parameters:
    ///   - answered: an answer, or what went wrong with one request. Of several answers to one id
    ///     the last has `triton_final_response`.
    ///   - ended: the stream is over, once; `nil` when it ended after `finish`. Requests without
    ///     their last answer get none any more.
    public func stream(
        answered: @escaping @Sendable (StreamResponse) -> Void,
        ended: @escaping @Sendable (Fault?) -> Void
    ) -> FrameStream {
        FrameStream(roamer, answered: answered, ended: ended)
    }

    /// What went over the sockets so far.
    public func traffic() async -> Traffic {
        await withCheckedContinuation { continuation in
            let posted = roamer.post { continuation.resume(returning: $0.traffic) }
            if !posted { continuation.resume(returning: Traffic()) }
        }
    }

    static let closed = Fault(.cancelled, "the client is closed")

    private func ask<Answer: WireMessage>(
        _ path: String, _ message: some WireMessage, timeout: Interval = CanopyClient.patience,
        completion: @escaping @Sendable (Result<Answer, Fault>) -> Void
    ) {
        let posted = roamer.post { roamer in
            let answer = OneAnswer(completion)
            roamer.run(
                Errand(
                    path, message.encode(), deadline: roamer.now + timeout, on: roamer,
                    received: answer.message, finished: answer.finished))
        }
        if !posted { completion(.failure(Self.closed)) }
    }
}

extension CanopyClient {
    /// What the node says of a task's first input.
    ///
    /// - Throws: when the node does not answer, or has no model of the task here that would know.
    public func input(of task: String) async throws(Fault) -> TensorMetadata {
        let result: Result<ModelMetadata, Fault> = await withCheckedContinuation { continuation in
            ask(RPCPath.modelMetadata, ModelReference(name: task)) { answer in
                continuation.resume(returning: answer)
            }
        }
        guard let input = try result.get().inputs.first else {
            throw Fault(
                .precondition, "the node has no model of '\(task)', so its inputs are not known",
                remedy: "ask a node that has one")
        }
        return input
    }
}
