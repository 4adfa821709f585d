import EventLoop
import Ground
import Testing

/// Stops the loop once its stream has ended; holds nothing that holds it.
private final class Stopper: TransportReceiver {
    private let poster: LoopPoster
    init(_ poster: LoopPoster) { self.poster = poster }
    func received(_ bytes: UnsafeRawBufferPointer) {}
    func drained() {}
    func closed(_ fault: Fault?) { poster.stop() }
}

/// Weak references to what a test has made.
private final class Weakly {
    weak var loop: Loop?
    weak var accepted: SocketTransport?
    weak var dialled: SocketTransport?
    weak var listener: Listener?
    weak var child: ChildProcess?
    weak var watch: FileWatch?

    var survivors: [String] {
        let all: [(String, AnyObject?)] = [
            ("loop", loop), ("accepted", accepted), ("dialled", dialled), ("listener", listener),
            ("child", child), ("watch", watch),
        ]
        return all.filter { $0.1 != nil }.map(\.0)
    }
}

@Test(arguments: [true, false])
func `Nothing outlives its loop, whether closed in order, abruptly or by the end`(
    abruptly: Bool
) throws {
    let seen = Weakly()
    do {
        let loop = try Loop()
        seen.loop = loop
        let poster = loop.poster
        seen.child = try loop.spawn(Command("sleep", ["100"]), output: .lines { _ in }) { _ in }
        seen.watch = try loop.watch("/tmp") {}
        let listener = try loop.listen(on: loopback) { transport in
            seen.accepted = transport
            transport.receiver = Stopper(poster)
        }
        seen.listener = listener
        loop.open(to: listener.endpoint, timeout: .seconds(10)) { result in
            guard case .success(let transport) = result else { return poster.stop() }
            seen.dialled = transport
            transport.receiver = Stopper(poster)
            transport.send([Bytes.pattern(4 << 20)])
            transport.close(abruptly: abruptly)
        }
        // A connection that opens and a timer that waits while the loop ends.
        loop.open(to: listener.endpoint, timeout: .seconds(10)) { _ in }
        loop.schedule(after: .seconds(60)) { Issue.record("\(loop.counters)") }
        loop.run()
        #expect(loop.hasEndedCleanly)
    }
    #expect(seen.survivors == [])
}
