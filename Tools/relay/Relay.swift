import ArgumentParser
import EventLoop
import Glibc
import Ground

@main
struct Relay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Relays TCP connections over an impaired link, for demos and fault tests.",
        discussion: """
            At its start it prints one line of JSON with the port that it listens on. All settings \
            hold for each direction by itself, so a round trip takes twice the delay.

            The relay sees a byte stream, not packets. A lost segment (1,448 bytes) therefore \
            stalls its stream, as TCP would, by one retransmission time (round trip + 4 × jitter, \
            at least 10 ms), which doubles when it is lost again. A reordered segment stalls its \
            stream by a quarter of the delay + the jitter, at least 1 ms. Bandwidth is shared by \
            all connections of a direction; when a bounded queue is full, the relay stops reading. \
            A connection's bytes start to move one round trip after it was accepted, when the \
            target is connected to; the accept itself is not delayed.

            Control commands, one a line, each answered by a line of JSON:
              cut        reset all connections, and new ones too, until heal
              reset      reset all connections once
              hole       swallow all bytes and keep sockets open; heal then resets
                         the connections that lost bytes
              stall      move nothing and lose nothing, until heal
              heal       relay again
              set NAME VALUE   change delay, jitter, loss, reorder or bandwidth
                               (none: unlimited)
              stats      counts since the start
              stop       end the relay
            """)

    @Option(help: "Where to listen; port 0 lets the kernel choose.")
    var listen = "127.0.0.1:0"
    @Option(help: "HOST:PORT to relay to.")
    var to: String
    @Option(help: "Delay of each direction, such as 100ms.")
    var delay = "0"
    @Option(help: "The delay varies by up to this much.")
    var jitter = "0"
    @Option(help: "Share of segments that are lost, such as 1%.")
    var loss = "0"
    @Option(help: "Share of segments that are reordered, such as 1%.")
    var reorder = "0"
    @Option(help: "Bandwidth of each direction, such as 2Mbit/s, or none.")
    var bandwidth = "none"
    @Option(help: "Seed of all random draws.")
    var seed: UInt64 = 1
    @Option(help: "Unix domain socket for control commands; - is standard input.")
    var control: String?

    func run() throws {
        let settings = try settings()
        let loop = try Loop()
        let relay = RelayServer(
            loop: loop, target: try endpoint(to), impairment: settings, seed: seed)
        let listener = try relay.listen(on: try endpoint(listen))
        let channel = ControlChannel(relay)
        if let control { try channel.start(control) }
        for signal in [ServiceSignal.terminate, .interrupt] {
            try loop.onSignal(signal) { loop.stop() }
        }
        printLine(
            "{\"port\":\(listener.port),\"to\":\(jsonString(to)),\"seed\":\(seed)}")
        loop.run()
    }

    private func settings() throws -> Impairment {
        var impairment = Impairment()
        let given = [
            ("delay", delay), ("jitter", jitter), ("loss", loss), ("reorder", reorder),
            ("bandwidth", bandwidth),
        ]
        for (name, value) in given {
            guard let setting = ControlCommand.Setting(name, value) else {
                throw ValidationError("--\(name) \(value) is not understood; see --help")
            }
            setting.apply(to: &impairment)
        }
        return impairment
    }

    private func endpoint(_ text: String) throws -> Endpoint {
        guard let endpoint = Endpoint(text) else {
            throw ValidationError("\(text) is no HOST:PORT")
        }
        return endpoint
    }
}

/// Empties standard output's buffer.
func flushOutput() { fflush(nil) }
