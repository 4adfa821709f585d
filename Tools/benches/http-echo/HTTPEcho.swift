import EventLoop
import Glibc
import Ground
import HTTP

/// What the HTTP room costs by itself: calls that are answered with their own message.
///
///     bench-http-echo serve [PORT]                       (default 8080; SIGINT ends it)
///     h2load -c 8 -m 16 -n 300000 -d FRAME -H 'content-type: application/grpc' \
///         -H 'te: trailers' http://127.0.0.1:8080/echo.Echo/Call
///
///     bench-http-echo hop [plain|tls] [CALLS] [BYTES]    both ends in this process, two loops
///
///     bench-http-echo call PORT [CALLS] [BYTES]          another's echo server, from our client
///
/// All print the calls served and the CPU time of each.
@main
struct HTTPEcho {
    static func main() throws {
        let words = Array(CommandLine.arguments.dropFirst())
        switch words.first {
        case "serve": try serve(port: words.count > 1 ? Int(words[1]) ?? 8080 : 8080)
        case "hop":
            try Hop.run(
                isSecure: words.count > 1 && words[1] == "tls",
                calls: words.count > 2 ? Int(words[2]) ?? 100_000 : 100_000,
                size: words.count > 3 ? Int(words[3]) ?? 1_024 : 1_024)
        case "call":
            try Hop.call(
                port: words.count > 1 ? Int(words[1]) ?? 8080 : 8080,
                calls: words.count > 2 ? Int(words[2]) ?? 100_000 : 100_000,
                size: words.count > 3 ? Int(words[3]) ?? 1_024 : 1_024)
        default:
            print(
                "bench-http-echo serve [PORT] | hop [plain|tls] [CALLS] [BYTES] "
                    + "| call PORT [CALLS] [BYTES]")
        }
    }

    nonisolated(unsafe) static var wantsToEnd: sig_atomic_t = 0

    private static func serve(port: Int) throws {
        let loop = try Loop()
        let server = Server(
            EchoService(), budget: ByteBudget(limit: 256 << 20), network: loop,
            hooks: hooks(loop))
        let listener = try loop.listen(on: Endpoint(host: "127.0.0.1", port: port)) {
            server.accept($0)
        }
        print("listening on \(listener.endpoint)")
        fflush(nil)
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in HTTPEcho.wantsToEnd = 1 }
        }
        watchForEnd(loop, server)
        loop.run()
    }

    /// Looks every 100 ms whether a signal came.
    private static func watchForEnd(_ loop: Loop, _ server: Server) {
        _ = loop.schedule(after: .milliseconds(100)) {
            guard wantsToEnd != 0 else { return watchForEnd(loop, server) }
            report(server.counters.calls)
            loop.stop()
        }
    }

    static func report(_ count: Int) {
        var usage = rusage()
        // 0 is RUSAGE_SELF, whose C macro does not import as a number.
        getrusage(0, &usage)
        let user = Double(usage.ru_utime.tv_sec) * 1e6 + Double(usage.ru_utime.tv_usec)
        let system = Double(usage.ru_stime.tv_sec) * 1e6 + Double(usage.ru_stime.tv_usec)
        let calls = Double(max(count, 1))
        print(
            "calls \(count), CPU a call \((user + system) / calls) µs "
                + "(user \(user / calls), system \(system / calls)), "
                + "resident at most \(usage.ru_maxrss) KiB")
        fflush(nil)
    }
}

func hooks(_ loop: Loop) -> LoopHooks {
    LoopHooks(
        endOfTurn: { [unowned loop] body in loop.atEndOfTurn(body) },
        post: { [poster = loop.poster] body in poster.post(body) })
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
