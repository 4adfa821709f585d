import EventLoop
import Ground
import HTTP
import Synchronization

/// Answers each call with what it sent; under `/later` from another thread, as an engine would.
final class EchoService: Service {
    let poster: LoopPoster
    init(_ poster: LoopPoster) { self.poster = poster }
    func begin(_ call: ServerCall) -> any CallHandler { EchoHandler(call, poster) }
}

final class EchoHandler: CallHandler {
    private let call: ServerCall
    private let poster: LoopPoster
    private var messages: [Bytes] = []

    init(_ call: ServerCall, _ poster: LoopPoster) {
        self.call = call
        self.poster = poster
    }

    func message(_ bytes: Bytes) { messages.append(bytes) }

    func halfClosed() {
        guard call.path == "/later" else { return answer() }
        let held = LoopConfined(self, to: poster)
        let poster = poster
        let thread = try? LoopThread(name: "worker") { loop in
            poster.post { held.onLoop.answer() }
            loop.post { [poster = loop.poster] in poster.stop() }
        }
        if thread == nil { answer() }
    }

    private func answer() {
        if call.isGRPC {
            call.send(message: messages)
            call.finish()
        } else {
            call.respond(status: 200, headers: [("content-type", "text/plain")], body: messages)
        }
    }

    func cancelled(_ fault: Fault) {}
}

func hooks(_ loop: Loop) -> LoopHooks {
    LoopHooks(
        endOfTurn: { [unowned loop] body in loop.atEndOfTurn(body) },
        post: { [poster = loop.poster] body in poster.post(body) })
}

/// A server on a real loop of its own thread.
final class EchoServer: Sendable {
    private let thread: LoopThread
    let port: Int

    init() throws {
        let bound = PortBox()
        thread = try LoopThread(name: "echo") { loop throws(Fault) in
            let server = Server(
                EchoService(loop.poster), budget: ByteBudget(limit: 64 << 20), network: loop,
                hooks: hooks(loop))
            let listener = try loop.listen(on: Endpoint(host: "127.0.0.1", port: 0)) {
                server.accept($0)
            }
            bound.port.store(listener.port, ordering: .relaxed)
        }
        self.port = bound.port.load(ordering: .relaxed)
    }

    func stop() {
        thread.stop()
        thread.join()
    }
}

private final class PortBox: Sendable {
    let port = Atomic<Int>(0)
}
