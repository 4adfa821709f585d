public import Cryptography
internal import EventLoop
public import Ground
internal import HTTP
internal import Synchronization
public import Wire

/// Sends frames to a node and hears its answers. May be used from any thread; it has one loop of
/// its own, and its connections stay open between frames.
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
    }

    /// Bytes that answers under way may hold: 64 answers of a megabyte.
    static let answerBytes = 64 << 20

    private let thread: LoopThread
    let link: LoopConfined<Link>

    /// Makes a client of one node. Nothing is sent before the first frame.
    ///
    /// - Parameters:
    ///   - node: where it listens.
    ///   - connections: the most that are opened to it, at least 1. One carries hundreds of calls;
    ///     a second keeps small frames from waiting behind a large one.
    /// - Throws: when a certificate or key cannot be read.
    public init(
        node: Endpoint, security: Security, connections: Int = 2
    ) throws(Fault) {
        guard connections >= 1 else {
            throw Fault(
                .invalid, "a client with \(connections) connections came, expected at least 1")
        }
        let tls = try Self.context(security)
        let made = Made()
        thread = try LoopThread(name: "canopy-client") { (loop) throws(Fault) in
            let link = Link(loop, node: node, tls: tls, connections: connections)
            let confined = LoopConfined(link, to: loop.poster)
            made.link.withLock { $0 = confined }
        }
        guard let link = made.link.withLock({ $0 }) else {
            throw Fault(.inner, "the client's loop did not start")
        }
        self.link = link
    }

    private final class Made: Sendable {
        let link = Mutex<LoopConfined<Link>?>(nil)
    }

    /// Ends all connections and waits for it; what is under way ends as `unavailable`. Once is
    /// enough; in a completion it does not wait. A client that is dropped ends in the same way.
    public func close() {
        end()
        thread.join()
    }

    private func end() {
        link.post { $0.pool.close() }
        thread.stop()
    }

    deinit { end() }

    /// Sends one request and hears its one answer, on the client's thread.
    public func infer(
        _ request: InferRequest, timeout: Interval,
        completion: @escaping @Sendable (Result<InferResponse, Fault>) -> Void
    ) {
        let posted = link.post { link in
            link.infer(request, timeout: timeout, completion: completion)
        }
        if !posted { completion(.failure(Self.closed)) }
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

    /// Opens a stream: requests are answered in any order under their ids, in `refine` mode twice.
    /// Both bodies are called on the client's thread.
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
        FrameStream(link, answered: answered, ended: ended)
    }

    /// What went over the sockets so far.
    public func traffic() async -> Traffic {
        await withCheckedContinuation { continuation in
            let posted = link.post { continuation.resume(returning: $0.traffic) }
            if !posted { continuation.resume(returning: Traffic()) }
        }
    }

    static let closed = Fault(.cancelled, "the client is closed")

    private static func context(
        _ security: Security
    ) throws(Fault) -> (TLSContext, ExpectedPeer)? {
        guard case .tls(let trust, let credentials, let peer) = security else { return nil }
        let settings = TLSSettings.client(credentials, trust: .authorities(trust))
        return (try TLSContext(settings), peer)
    }
}

extension CanopyClient {
    /// What the node says of a task's first input.
    ///
    /// - Throws: when the node does not answer, or has no model of the task here that would know.
    public func input(of task: String) async throws(Fault) -> TensorMetadata {
        let result: Result<ModelMetadata, Fault> = await withCheckedContinuation { continuation in
            let posted = link.post { link in
                link.ask(RPCPath.modelMetadata, ModelReference(name: task)) { answer in
                    continuation.resume(returning: answer)
                }
            }
            if !posted { continuation.resume(returning: .failure(Self.closed)) }
        }
        guard let input = try result.get().inputs.first else {
            throw Fault(
                .precondition, "the node has no model of '\(task)', so its inputs are not known",
                remedy: "ask a node that has one")
        }
        return input
    }
}
