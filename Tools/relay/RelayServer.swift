import EventLoop
import Ground

/// Relays connections from one port to one target over an impaired link.
final class RelayServer {
    /// Connections at a time; each may hold eight MiB on the way.
    static let connectionLimit = 1_024
    /// How long the target may take to accept.
    static let connectTimeout = Interval.seconds(10)

    /// What the link does.
    enum Mode: String {
        case open
        /// Connections are reset, new ones too.
        case cut
        /// Connections are accepted and stay open; all bytes vanish.
        case hole
        /// Nothing moves, nothing is lost.
        case stall
    }

    let loop: Loop
    let target: Endpoint
    let seed: UInt64
    let up: Link
    let down: Link
    private(set) var mode = Mode.open
    var swallowed = 0
    var refused = 0
    private(set) var accepted = 0
    private var connections: [Int: RelayedConnection] = [:]

    init(loop: Loop, target: Endpoint, impairment: Impairment, seed: UInt64) {
        self.loop = loop
        self.target = target
        self.seed = seed
        up = Link(impairment)
        down = Link(impairment)
    }

    /// Starts to accept; the listener says on which port.
    func listen(on endpoint: Endpoint) throws(Fault) -> Listener {
        try loop.listen(on: endpoint, reusePort: false) { [self] in accept($0) }
    }

    /// Carries a command out; the answer is one line of JSON.
    func obey(_ command: ControlCommand) -> String {
        switch command {
        case .cut: enter(.cut)
        case .hole: enter(.hole)
        case .stall: enter(.stall)
        case .heal: enter(.open)
        case .reset: resetAll()
        case .stats: return stats
        case .stop: loop.stop()
        case .set(let setting):
            setting.apply(to: &up.impairment)
            setting.apply(to: &down.impairment)
        }
        return "{\"ok\":true}"
    }

    /// Counts since the start, as one line of JSON.
    var stats: String {
        "{\"mode\":\"\(mode.rawValue)\",\"accepted\":\(accepted),\"open\":\(connections.count),"
            + "\"refused\":\(refused),\"swallowed\":\(swallowed),"
            + "\"up\":\(up.json),\"down\":\(down.json)}"
    }

    func finished(_ connection: RelayedConnection) {
        connections[connection.number] = nil
    }

    private func accept(_ transport: SocketTransport) {
        accepted += 1
        guard mode != .cut, connections.count < Self.connectionLimit else {
            refused += 1
            return transport.close(abruptly: true)
        }
        let connection = RelayedConnection(transport, number: accepted, relay: self)
        connections[accepted] = connection
        if mode == .hole { connection.swallow() } else { connection.open() }
    }

    private func enter(_ next: Mode) {
        let old = mode
        mode = next
        up.isStalled = next == .stall
        down.isStalled = next == .stall
        switch next {
        case .cut: resetAll()
        case .hole: for connection in inOrder { connection.swallow() }
        case .stall: break
        case .open:
            if old == .hole {
                for connection in inOrder where connection.isBroken { connection.reset() }
            }
            for connection in inOrder { connection.goOn() }
        }
    }

    private func resetAll() {
        for connection in inOrder { connection.reset() }
    }

    private var inOrder: [RelayedConnection] {
        connections.values.sorted { $0.number < $1.number }
    }
}
