import EventLoop
import Ground

/// A client's connection and the one to the target that belongs to it.
final class RelayedConnection {
    let number: Int
    private let relay: RelayServer
    private let up: Pump
    private let down: Pump
    private var client: SocketTransport?
    private var upstream: SocketTransport?
    /// Bytes or an end were swallowed: the streams can never be whole again.
    private(set) var isBroken = false
    private var isOpening = true

    init(_ client: SocketTransport, number: Int, relay: RelayServer) {
        self.number = number
        self.relay = relay
        self.client = client
        let seed = relay.seed &+ UInt64(number) &* 2
        up = Pump(link: relay.up, loop: relay.loop, seed: seed)
        down = Pump(link: relay.down, loop: relay.loop, seed: seed &+ 1)
        up.source = client
        down.target = client
        prepare(client)
        client.setReading(false)
        client.receiver = Side(self, isClient: true)
    }

    /// Connects to the target, once the round trip of a handshake has passed.
    func open() {
        let delay = relay.up.impairment.delay + relay.down.impairment.delay
        relay.loop.schedule(after: delay) { [weak self] in self?.connect() }
    }

    /// Resets both sides.
    func reset() {
        client?.close(abruptly: true)
        upstream?.close(abruptly: true)
        finishIfDone()
    }

    /// The link swallows everything from now on.
    func swallow() {
        let lost = up.drop() + down.drop()
        relay.swallowed += lost
        if lost > 0 || isOpening { isBroken = true }
        client?.setReading(true)
    }

    /// The link carries again.
    func goOn() {
        up.deliver()
        down.deliver()
    }

    private func connect() {
        guard client != nil, relay.mode != .hole else { return }
        relay.loop.open(to: relay.target, timeout: RelayServer.connectTimeout) { [self] in
            didConnect($0)
        }
    }

    private func didConnect(_ result: Result<SocketTransport, Fault>) {
        guard case .success(let transport) = result else {
            relay.refused += 1
            client?.close(abruptly: true)
            return
        }
        guard client != nil else { return transport.close(abruptly: true) }
        isOpening = false
        upstream = transport
        up.target = transport
        down.source = transport
        prepare(transport)
        transport.receiver = Side(self, isClient: false)
        client?.setReading(true)
    }

    private func prepare(_ transport: SocketTransport) {
        // A paced link must be felt by the sender, not vanish into the kernel's megabytes.
        if relay.up.impairment.bandwidth != nil {
            transport.limitReceiveBuffer(to: Impairment.leastQueue)
        }
    }

    fileprivate func received(_ bytes: UnsafeRawBufferPointer, fromClient: Bool) {
        guard relay.mode != .hole else {
            isBroken = true
            relay.swallowed += bytes.count
            return
        }
        let link = fromClient ? relay.up : relay.down
        (fromClient ? up : down).take(bytes, impairment: link.impairment)
    }

    fileprivate func ended(fromClient: Bool, abruptly: Bool) {
        guard relay.mode != .hole else {
            isBroken = true
            return
        }
        let link = fromClient ? relay.up : relay.down
        (fromClient ? up : down).takeEnd(abruptly: abruptly, impairment: link.impairment)
    }

    fileprivate func roomMade(forClient: Bool) { (forClient ? down : up).readOn() }

    fileprivate func closed(client isClient: Bool, fault: Fault?) {
        if isClient {
            client = nil
            (up.source, down.target) = (nil, nil)
        } else {
            upstream = nil
            (down.source, up.target) = (nil, nil)
        }
        if fault != nil { ended(fromClient: isClient, abruptly: true) }
        finishIfDone()
    }

    private func finishIfDone() {
        if client == nil && upstream == nil { relay.finished(self) }
    }
}

/// Hears one of the two sides.
private final class Side: HalfCloseReceiver {
    private let connection: RelayedConnection
    private let isClient: Bool

    init(_ connection: RelayedConnection, isClient: Bool) {
        self.connection = connection
        self.isClient = isClient
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
        connection.received(bytes, fromClient: isClient)
    }

    func drained() { connection.roomMade(forClient: isClient) }
    func receivedEnd() { connection.ended(fromClient: isClient, abruptly: false) }
    func closed(_ fault: Fault?) { connection.closed(client: isClient, fault: fault) }
}
