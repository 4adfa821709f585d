import EventLoop
import Ground

/// Takes commands, one a line, from a Unix domain socket or from standard input.
final class ControlChannel {
    private let relay: RelayServer
    private var listener: Listener?

    init(_ relay: RelayServer) { self.relay = relay }

    /// Listens on a socket at `path`; `-` reads standard input and answers on standard output, and
    /// its end ends the relay.
    func start(_ path: String) throws(Fault) {
        guard path == "-" else {
            listener = try relay.loop.listen(onPath: path) { [self] transport in
                transport.receiver = Session(transport, channel: self)
            }
            return
        }
        let loop = relay.loop
        try loop.readLines(
            from: 0, line: { [self] in printLine(answer($0.text)) },
            ended: loop.stop)
    }

    func answer(_ line: String) -> String {
        do throws(Fault) {
            return relay.obey(try ControlCommand(line))
        } catch {
            return "{\"ok\":false,\"error\":\(jsonString(error.description))}"
        }
    }

    /// One connection to the socket.
    private final class Session: TransportReceiver {
        private let transport: SocketTransport
        private let channel: ControlChannel
        private var lines = LineSplitter()

        init(_ transport: SocketTransport, channel: ControlChannel) {
            self.transport = transport
            self.channel = channel
        }

        func received(_ bytes: UnsafeRawBufferPointer) {
            lines.take(bytes) { line in
                transport.send([Bytes(Array((channel.answer(line.text) + "\n").utf8))])
            }
        }

        func drained() {}
        func closed(_ fault: Fault?) {}
    }
}

/// Writes a line at once: a program that reads it is waiting.
func printLine(_ line: String) {
    print(line)
    flushOutput()
}

/// `text` as a JSON string.
func jsonString(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": out += "\\\(scalar)"
        case _ where scalar.value < 32: out += " "
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out + "\""
}
