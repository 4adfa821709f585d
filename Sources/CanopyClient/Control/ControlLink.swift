internal import Cryptography
internal import EventLoop
internal import Ground
internal import HTTP
internal import Wire

/// The half of a control client that lives on its loop: a connection to each node.
final class ControlLink {
    /// Bytes that all answers under way may hold: a thousand nodes with a thousand peers each.
    private static let answerBytes = 64 << 20

    private let loop: Loop
    private let context: TLSContext
    private let budget = ByteBudget(limit: ControlLink.answerBytes)
    private var pools: [ControlClient.Target: ClientPool] = [:]

    init(_ loop: Loop, _ context: TLSContext) {
        self.loop = loop
        self.context = context
    }

    func ask<Answer: WireMessage>(
        _ node: ControlClient.Target, _ path: String, _ message: some WireMessage,
        _ timeout: Interval, completion: @escaping @Sendable (Result<Answer, Fault>) -> Void
    ) {
        let call = pool(to: node).call(
            path, deadline: loop.time.now + timeout, handler: ControlAnswer(completion))
        call.send(message: message.encode())
        call.halfClose()
    }

    func close() {
        for pool in pools.values { pool.close() }
    }

    private func pool(to node: ControlClient.Target) -> ClientPool {
        if let pool = pools[node] { return pool }
        var limits = ClientLimits()
        limits.connections = 1
        // Shorter than the patience of those who ask, so that they hear why.
        limits.connectTimeout = .seconds(2)
        let poster = loop.poster
        let hooks = LoopHooks(
            endOfTurn: { [unowned loop] in loop.atEndOfTurn($0) }, post: { poster.post($0) })
        let pool = ClientPool(
            node.endpoint, limits: limits, allocator: budget, network: loop, hooks: hooks,
            seed: loop.time.now.nanoseconds, tls: context, expecting: .node(node.name))
        pools[node] = pool
        return pool
    }
}

/// Hears the one answer of a call.
private final class ControlAnswer<Answer: WireMessage>: ClientCallHandler {
    private let completion: @Sendable (Result<Answer, Fault>) -> Void
    private var answer: Result<Answer, Fault>?

    init(_ completion: @escaping @Sendable (Result<Answer, Fault>) -> Void) {
        self.completion = completion
    }

    func message(_ bytes: Bytes) {
        answer = Result { () throws(Fault) in try Answer.decode(bytes) }
    }

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        if let fault { return completion(.failure(fault)) }
        let nothing = Fault(.corrupt, "the node ended the call without an answer", source: .peer)
        completion(answer ?? .failure(nothing))
    }
}
