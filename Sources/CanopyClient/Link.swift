internal import Cryptography
internal import EventLoop
internal import Ground
internal import HTTP
internal import Wire

/// The half of a client that lives on its loop.
final class Link {
    let pool: ClientPool
    private let loop: Loop

    init(_ loop: Loop, node: Endpoint, tls: (TLSContext, ExpectedPeer)?, connections: Int) {
        self.loop = loop
        var limits = ClientLimits()
        limits.connections = connections
        let poster = loop.poster
        let hooks = LoopHooks(
            endOfTurn: { [unowned loop] in loop.atEndOfTurn($0) }, post: { poster.post($0) })
        let budget = ByteBudget(limit: CanopyClient.answerBytes)
        let seed = loop.time.now.nanoseconds
        if let (context, peer) = tls {
            pool = ClientPool(
                node, limits: limits, allocator: budget, network: loop, hooks: hooks, seed: seed,
                tls: context, expecting: peer)
        } else {
            pool = ClientPool(
                node, limits: limits, allocator: budget, network: loop, hooks: hooks, seed: seed)
        }
    }

    var traffic: CanopyClient.Traffic {
        let counters = pool.counters
        return CanopyClient.Traffic(
            bytesIn: counters.bytesIn, bytesOut: counters.bytesOut,
            connections: counters.connectionsOpened, handshakes: counters.handshakes)
    }

    func infer(
        _ request: InferRequest, timeout: Interval,
        completion: @escaping @Sendable (Result<InferResponse, Fault>) -> Void
    ) {
        ask(RPCPath.modelInfer, request, timeout: timeout, completion: completion)
    }

    /// How long a short question may take.
    static let patience = Interval.seconds(10)

    /// One unary call.
    func ask<Answer: WireMessage>(
        _ path: String, _ message: some WireMessage, timeout: Interval = Link.patience,
        completion: @escaping @Sendable (Result<Answer, Fault>) -> Void
    ) {
        let call = pool.call(
            path, deadline: loop.time.now + timeout, handler: OneAnswer(completion))
        call.send(message: message.encode())
        call.halfClose()
    }
}

/// Hears the one answer of a unary call.
private final class OneAnswer<Answer: WireMessage>: ClientCallHandler {
    private let completion: @Sendable (Result<Answer, Fault>) -> Void
    private var response: Result<Answer, Fault>?

    init(_ completion: @escaping @Sendable (Result<Answer, Fault>) -> Void) {
        self.completion = completion
    }

    func message(_ bytes: Bytes) {
        response = Result { () throws(Fault) in try Answer.decode(bytes) }
    }

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        if let fault { return completion(.failure(fault)) }
        completion(
            response
                ?? .failure(
                    Fault(.corrupt, "the node ended the call without an answer", source: .peer)))
    }
}
