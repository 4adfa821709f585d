import EventLoop
import Ground
import HTTP
import Synchronization
import Wire

/// A node that answers each request with its own inputs, or as a test wants it.
final class FakeNode: Sendable {
    enum Manner: Sendable {
        case echoes
        /// Takes requests and never answers.
        case hangs
        /// Answers with bytes that are no answer.
        case babbles
        /// Accepts connections and reads nothing.
        case deaf
    }

    private let thread: LoopThread
    let endpoint: Endpoint

    init(_ manner: Manner) throws {
        let port = Mutex(0)
        thread = try LoopThread(name: "node") { (loop) throws(Fault) in
            let poster = loop.poster
            let server = Server(
                FakeService(manner), budget: ByteBudget(limit: 64 << 20), network: loop,
                hooks: LoopHooks(
                    endOfTurn: { [unowned loop] in loop.atEndOfTurn($0) },
                    post: { poster.post($0) }))
            let listener = try loop.listen(on: Endpoint(host: "127.0.0.1", port: 0)) {
                if case .deaf = manner { return $0.setReading(false) }
                server.accept($0)
            }
            port.withLock { $0 = listener.port }
        }
        endpoint = Endpoint(host: "127.0.0.1", port: port.withLock { $0 })
    }

    func stop() {
        thread.stop()
        thread.join()
    }
}

private final class FakeService: Service {
    private let manner: FakeNode.Manner
    init(_ manner: FakeNode.Manner) { self.manner = manner }
    func begin(_ call: ServerCall) -> any CallHandler { FakeHandler(call, manner) }
}

private final class FakeHandler: CallHandler {
    private let call: ServerCall
    private let manner: FakeNode.Manner

    init(_ call: ServerCall, _ manner: FakeNode.Manner) {
        self.call = call
        self.manner = manner
    }

    func message(_ bytes: Bytes) {
        switch manner {
        case .echoes: echo(bytes)
        case .babbles: call.send(message: [Bytes([0xFF, 0xFF])])
        case .hangs, .deaf: break
        }
    }

    private func echo(_ bytes: Bytes) {
        guard let request = try? InferRequest.decode(bytes) else { return }
        let answer = InferResponse(
            model: request.model, id: request.id, outputs: request.inputs)
        let isStream = call.path == RPCPath.modelStreamInfer
        call.send(message: isStream ? StreamResponse(answer).encode() : answer.encode())
    }

    func halfClosed() {
        if case .hangs = manner { return }
        call.finish()
    }

    func cancelled(_ fault: Fault) {}
}
