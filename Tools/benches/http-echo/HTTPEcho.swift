import EventLoop
import Glibc
import Ground
import HTTP

/// Answers every gRPC call and REST request with its own message, on one loop: what the HTTP room costs by itself.
///
///     bench-http-echo [PORT]     (default 8080; SIGINT or SIGTERM ends it)
///     h2load -c 8 -m 16 -n 300000 -d FRAME -H 'content-type: application/grpc' -H 'te: trailers' \
///         http://127.0.0.1:8080/echo.Echo/Call
///
/// When it ends it prints the calls served and the CPU time of each.
@main
struct HTTPEcho {
    static func main() throws {
        let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
        let loop = try Loop()
        let hooks = LoopHooks(
            endOfTurn: { body in _ = loop.schedule(after: .zero, body) },
            post: { [poster = loop.poster] body in poster.post(body) })
        let server = Server(
            EchoService(), budget: ByteBudget(limit: 256 << 20), network: loop, hooks: hooks)
        let listener = try loop.listen(on: Endpoint(host: "127.0.0.1", port: port)) {
            server.accept($0)
        }
        print("listening on \(listener.endpoint)")
        fflush(nil)
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                HTTPEcho.wantsToEnd = 1
            }
        }
        watchForEnd(loop, server)
        loop.run()
    }

    nonisolated(unsafe) static var wantsToEnd: sig_atomic_t = 0

    /// Looks every 100 ms whether a signal came.
    private static func watchForEnd(_ loop: Loop, _ server: Server) {
        _ = loop.schedule(after: .milliseconds(100)) {
            guard wantsToEnd != 0 else { return watchForEnd(loop, server) }
            report(server)
            loop.stop()
        }
    }

    private static func report(_ server: Server) {
        var usage = rusage()
        // 0 is RUSAGE_SELF, whose C macro does not import as a number.
        getrusage(0, &usage)
        let user = Double(usage.ru_utime.tv_sec) * 1e6 + Double(usage.ru_utime.tv_usec)
        let system = Double(usage.ru_stime.tv_sec) * 1e6 + Double(usage.ru_stime.tv_usec)
        let calls = max(server.counters.calls, 1)
        print(
            "calls \(server.counters.calls), CPU a call \((user + system) / Double(calls)) µs "
                + "(user \(user / Double(calls)), system \(system / Double(calls))), "
                + "resident at most \(usage.ru_maxrss) KiB")
        fflush(nil)
    }
}

final class EchoService: Service {
    func begin(_ call: ServerCall) -> any CallHandler { EchoHandler(call) }
}

final class EchoHandler: CallHandler {
    private let call: ServerCall
    private var messages: [Bytes] = []

    init(_ call: ServerCall) { self.call = call }

    func message(_ bytes: Bytes) { messages.append(bytes) }

    func halfClosed() {
        if call.isGRPC {
            call.send(message: messages)
            call.finish()
        } else {
            call.respond(status: 200, headers: [], body: messages)
        }
    }

    func cancelled(_ fault: Fault) {}
}
