import Ground
import Synchronization

@testable import HTTP

/// A loop in virtual time: timers, bodies for the turn's end, and memory transports, run until nothing moves.
final class TestLoop: Network {
    final class Clock: TimeSource {
        private let nanoseconds = Atomic<UInt64>(1_000_000_000)
        var now: Instant { Instant(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
        var wall: WallTime { WallTime(nanoseconds: Int64(now.nanoseconds)) }
        func set(_ instant: Instant) { nanoseconds.store(instant.nanoseconds, ordering: .relaxed) }
    }

    final class Timer: ScheduledTimer {
        let at: Instant
        var body: (() -> Void)?
        init(at: Instant, body: @escaping () -> Void) {
            self.at = at
            self.body = body
        }
        func cancel() { body = nil }
    }

    /// What other threads want run here.
    private final class Posted: Sendable {
        let bodies = Mutex<[@Sendable () -> Void]>([])
    }

    let clock = Clock()
    var time: any TimeSource { clock }
    private var bodies: [() -> Void] = []
    private let posted = Posted()
    private var timers: [Timer] = []
    private var transports: [MemoryTransport] = []
    /// What `connect` does: gives the client's end, or a fault.
    var onConnect: ((Endpoint) -> Result<any Transport, Fault>?)?
    var connects = 0

    var hooks: LoopHooks {
        let posted = posted
        return LoopHooks(
            endOfTurn: { [unowned self] in bodies.append($0) },
            post: { body in posted.bodies.withLock { $0.append(body) } })
    }

    func connect(
        to endpoint: Endpoint, timeout: Interval,
        completion: @escaping (Result<any Transport, Fault>) -> Void
    ) {
        connects += 1
        guard let onConnect else { return }
        bodies.append { if let result = onConnect(endpoint) { completion(result) } }
    }

    func schedule(after delay: Interval, _ body: @escaping () -> Void) -> any ScheduledTimer {
        let timer = Timer(at: clock.now + delay, body: body)
        timers.append(timer)
        return timer
    }

    func pair() -> (client: MemoryTransport, server: MemoryTransport) {
        let client = MemoryTransport("client")
        let server = MemoryTransport("server")
        client.other = server
        server.other = client
        transports += [client, server]
        return (client, server)
    }

    /// Delivers bytes and runs bodies until nothing moves.
    func run() {
        while true {
            var moved = false
            let fromElsewhere = posted.bodies.withLock { all in
                defer { all = [] }
                return all
            }
            var now = bodies
            for body in fromElsewhere { now.append { body() } }
            bodies = []
            for body in now {
                body()
                moved = true
            }
            for transport in transports where transport.deliver() { moved = true }
            transports.removeAll { $0.isClosed && $0.inbox.isEmpty }
            if !moved { return }
        }
    }

    /// Lets time pass, timer by timer.
    func advance(_ interval: Interval) {
        run()
        let end = clock.now + interval
        while let next = timers.filter({ $0.body != nil && $0.at <= end }).min(by: { $0.at < $1.at }) {
            clock.set(max(next.at, clock.now))
            timers.removeAll { $0 === next || $0.body == nil }
            next.body?()
            run()
        }
        clock.set(end)
    }
}

/// One end of a stream in memory.
final class MemoryTransport: Transport {
    let name: String
    weak var other: MemoryTransport?
    var receiver: (any TransportReceiver)?
    var peer: Endpoint { Endpoint(host: name, port: 1) }
    var unsent: Int { isStalled ? stalled : 0 }
    /// What `send` was called with, call by call, in bytes.
    private(set) var sends: [Int] = []
    /// Everything sent.
    private(set) var sent: [UInt8] = []
    private(set) var isReading = true
    private(set) var isClosed = false
    private(set) var closedAbruptly = false
    fileprivate(set) var inbox: [UInt8] = []
    private var ending = false
    private var stalled = 0
    /// Bytes vanish: a black hole.
    var isBlackHole = false
    /// The kernel takes nothing.
    var isStalled = false
    /// Keep no copy of what is sent.
    var keepsSent = true

    init(_ name: String) { self.name = name }

    func send(_ bytes: [Bytes]) {
        guard !isClosed else { return }
        let flat = bytes.flatMap(\.array)
        sends.append(flat.count)
        if keepsSent { sent += flat }
        if isStalled {
            stalled += flat.count
        } else if !isBlackHole {
            other?.inbox += flat
        }
    }

    func setReading(_ on: Bool) { isReading = on }

    func close(abruptly: Bool) {
        guard !isClosed, !ending else { return }
        ending = true
        closedAbruptly = abruptly
        if !isBlackHole { other?.ending = true }
    }

    /// Puts bytes on the wire as if the other end had sent them.
    func inject(_ bytes: [UInt8]) { inbox += bytes }

    func inject(_ text: String) { inbox += Array(text.utf8) }

    var text: String { String(decoding: sent, as: UTF8.self) }

    func forget() {
        sent = []
        sends = []
    }

    /// Whether anything moved.
    fileprivate func deliver() -> Bool {
        if isClosed { return false }
        if !inbox.isEmpty, isReading, receiver != nil {
            // What a socket gives in one read, at most.
            let chunk = Array(inbox.prefix(65_536))
            inbox.removeFirst(chunk.count)
            chunk.withUnsafeBytes { receiver?.received($0) }
            return true
        }
        if ending && (inbox.isEmpty || !isReading || receiver == nil) {
            isClosed = true
            inbox = []
            let receiver = receiver
            self.receiver = nil
            receiver?.closed(nil)
            return true
        }
        return false
    }
}
