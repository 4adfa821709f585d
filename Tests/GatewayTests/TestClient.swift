import EventLoop
import Ground
import HTTP
import Synchronization
import Wire

@testable import Gateway

/// Calls a node over a real socket.
final class TestClient: Sendable {
    private struct Half {
        let loop: Loop
        let pool: ClientPool
    }

    private let thread: LoopThread
    private let half: LoopConfined<Half>
    private let node: Endpoint
    private let headers: [(String, String)]

    init(_ node: Endpoint, token: String? = nil) throws {
        self.node = node
        headers = token.map { [("authorization", "Bearer \($0)")] } ?? []
        let made = Mutex<LoopConfined<Half>?>(nil)
        thread = try LoopThread(name: "client") { (loop) throws(Fault) in
            let poster = loop.poster
            let hooks = LoopHooks(
                endOfTurn: { [unowned loop] in loop.atEndOfTurn($0) }, post: { poster.post($0) })
            let pool = ClientPool(
                node, allocator: ByteBudget(limit: 1 << 20), network: loop, hooks: hooks, seed: 1)
            made.withLock { $0 = LoopConfined(Half(loop: loop, pool: pool), to: poster) }
        }
        half = made.withLock { $0! }
    }

    func stop() {
        half.post { $0.pool.close() }
        thread.stop()
        thread.join()
    }

    /// One request and its one answer.
    func infer(_ request: InferRequest) async -> Result<InferResponse, Fault> {
        await ask(RPCPath.modelInfer, request)
    }

    func ask<Answer: WireMessage>(
        _ path: String, _ message: some WireMessage
    ) async -> Result<Answer, Fault> {
        let events = call(path)
        events.send(message)
        events.halfClose()
        let (messages, fault) = await events.whole()
        if let fault { return .failure(fault) }
        return Result { () throws(Fault) in try Answer.decode(messages[0]) }
    }

    /// Begins a call that the test goes on with.
    func call(_ path: String) -> TestCall {
        let headers = headers
        let made = TestCall(half.poster)
        half.post { half in
            made.state.onLoop.call = half.pool.call(
                path, headers: headers, deadline: nil, handler: made.state.onLoop)
        }
        return made
    }

    /// One HTTP/1.1 request.
    func http(
        _ method: String = "GET", _ path: String, body: String = ""
    ) async throws -> (status: Int, body: String) {
        let (node, headers) = (node, headers)
        let answer = await withCheckedContinuation { continuation in
            half.post { half in
                var request = OneRequest(path: path, headers: headers)
                request.method = method
                if !body.isEmpty { request.body = [Bytes(Array(body.utf8))] }
                request.send(to: node, on: half.loop) { continuation.resume(returning: $0) }
            }
        }
        let got = try answer.get()
        return (got.status, String(decoding: got.body, as: UTF8.self))
    }
}

/// One call under way.
final class TestCall: Sendable {
    let state: LoopConfined<State>
    private let messages: AsyncStream<Bytes>
    private let end: AsyncStream<Fault?>

    final class State: ClientCallHandler {
        var call: ClientCall?
        let messages: AsyncStream<Bytes>.Continuation
        let end: AsyncStream<Fault?>.Continuation

        init(
            _ messages: AsyncStream<Bytes>.Continuation, _ end: AsyncStream<Fault?>.Continuation
        ) {
            self.messages = messages
            self.end = end
        }

        func message(_ bytes: Bytes) { messages.yield(bytes) }

        func finished(_ status: GRPCStatus, _ fault: Fault?) {
            messages.finish()
            end.yield(fault)
            end.finish()
        }
    }

    init(_ poster: LoopPoster) {
        let (messages, yield) = AsyncStream<Bytes>.makeStream()
        let (end, yieldEnd) = AsyncStream<Fault?>.makeStream()
        self.messages = messages
        self.end = end
        state = LoopConfined(State(yield, yieldEnd), to: poster)
    }

    func send(_ message: some WireMessage) {
        let bytes = message.encode()
        state.post { $0.call?.send(message: bytes) }
    }

    func halfClose() { state.post { $0.call?.halfClose() } }
    func cancel() { state.post { $0.call?.cancel() } }

    /// The next message, or `nil` when the call has ended.
    func next() async -> Bytes? { await messages.first { _ in true } }

    /// The next answer of a ModelStreamInfer.
    func answer() async throws -> StreamResponse? { try await next().map(StreamResponse.decode) }

    /// How the call ended.
    func fault() async -> Fault? { await end.first { _ in true } ?? nil }

    func whole() async -> ([Bytes], Fault?) {
        var all: [Bytes] = []
        for await one in messages { all.append(one) }
        return (all, await fault())
    }
}

extension InferRequest {
    /// A request of a task with one small input.
    static func of(
        _ task: String, id: String = "1", _ parameters: Parameters = [:]
    ) -> InferRequest {
        InferRequest(
            model: task, id: id, parameters: parameters,
            inputs: [InferTensor(name: "image", elements: [[1, 2, 3]])])
    }
}

extension InferResponse {
    var label: String? {
        outputs.first { $0.name == "label" }?.elements?.first.map {
            String(decoding: $0.array, as: UTF8.self)
        }
    }
    var tier: String? { parameters.string("canopy.tier") }
    var isAccepted: Bool? { parameters.bool("canopy.accepted") }
    var degraded: String? { parameters.string("canopy.degraded") }
    var isFinal: Bool? { parameters.bool("triton_final_response") }
}
