internal import CLibuv
internal import CLinux
internal import Glibc
public import Ground

/// A socket that accepts connections for one loop.
///
/// It polls the socket itself, so that it can pause: then the kernel's backlog fills and the others
/// wait or go elsewhere, while nothing spins.
public final class Listener: HandleOwner {
    /// Connections accepted in one turn, so that a storm of them leaves room for frames.
    static let acceptBatch = 64
    /// How long accepting rests when the process has no descriptor left; the other connections need
    /// about that long to give some back.
    static let exhaustedPause = Interval.milliseconds(100)

    /// Where it listens, with the port that the kernel chose when 0 was asked for.
    public let endpoint: Endpoint
    /// Whether `close` was called or the loop has ended.
    public private(set) var isClosed = false
    /// Takes a connection off the backlog: a descriptor, or a negative errno. Tests put failures
    /// in its place.
    var takeConnection: (Int32) -> (Int32, SocketAddress)

    private let loop: Loop
    private let socket: Int32
    private let path: String?
    private let poll = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
    private let accept: (SocketTransport) -> Void
    private var isPaused = false
    private var isResting = false

    init(
        socket: Int32, path: String?, loop: Loop, accept: @escaping (SocketTransport) -> Void
    ) throws(Fault) {
        self.socket = socket
        self.path = path
        self.loop = loop
        self.accept = accept
        endpoint = ListeningSocket.bound(socket)
        takeConnection = Self.acceptNext
        let status = uv_poll_init(loop.uv, poll, socket)
        guard status == 0 else {
            poll.deallocate()
            Glibc.close(socket)
            throw Fault.uv(status, "listening on \(endpoint)")
        }
        poll.pointee.data = Unmanaged.passRetained(self).toOpaque()
        updatePolling()
    }

    /// The bound port.
    public var port: Int { endpoint.port }

    /// Leaves new connections in the kernel's backlog until `resume`.
    public func pause() {
        isPaused = true
        updatePolling()
    }

    /// Accepts again.
    public func resume() {
        isPaused = false
        updatePolling()
    }

    /// Stops listening; accepted connections stay.
    public func close() {
        loop.assertOnLoop()
        guard !isClosed else { return }
        isClosed = true
        if let path { unlink(path) }
        uv_poll_stop(poll)
        poll.closeHandle()
        Glibc.close(socket)
    }

    func loopEnds() { close() }

    private func updatePolling() {
        guard !isClosed else { return }
        guard !isPaused && !isResting else {
            uv_poll_stop(poll)
            return
        }
        uv_poll_start(poll, Int32(UV_READABLE.rawValue)) { handle, _, _ in
            owner(handle!.pointee.data, as: Listener.self).acceptBatch()
        }
    }

    private func acceptBatch() {
        for _ in 0..<Self.acceptBatch {
            guard !isClosed && !isPaused && !isResting else { return }
            let (descriptor, peer) = takeConnection(socket)
            switch -descriptor {
            case ...0: hand(descriptor, peer)
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: rest()
            case EAGAIN: return
            // The connection died in the backlog (ECONNABORTED and the network's own errors).
            default: continue
            }
        }
    }

    private func hand(_ descriptor: Int32, _ peer: SocketAddress) {
        do throws(Fault) {
            let transport = try SocketTransport(
                adopting: descriptor, peer: peer.endpoint, isTCP: peer.family != AF_UNIX, on: loop)
            loop.counters.accepted += 1
            accept(transport)
        } catch {
            loop.counters.refusedAccepts += 1
        }
    }

    private func rest() {
        loop.counters.refusedAccepts += 1
        isResting = true
        updatePolling()
        loop.schedule(after: Self.exhaustedPause) {
            self.isResting = false
            self.updatePolling()
        }
    }

    private static func acceptNext(_ socket: Int32) -> (Int32, SocketAddress) {
        var descriptor: Int32 = -1
        let peer = SocketAddress { descriptor = canopy_accept(socket, $0, $1) }
        return (descriptor, peer)
    }
}

extension Loop {
    /// Listens on a TCP address; port 0 lets the kernel choose. With `reusePort` several loops
    /// listen on one port and the kernel spreads connections among them.
    ///
    /// `accept` is called on the loop for each connection and sets the transport's receiver; the
    /// limit on connections is the caller's (`pause`). Faults: the address is taken, not this
    /// machine's, or not allowed.
    public func listen(
        on endpoint: Endpoint, reusePort: Bool = true,
        accept: @escaping (SocketTransport) -> Void
    ) throws(Fault) -> Listener {
        assertOnLoop()
        let socket = try ListeningSocket.open(at: endpoint, on: self, reusePort: reusePort)
        return try Listener(socket: socket, path: nil, loop: self, accept: accept)
    }

    /// Listens on a Unix domain socket. The file is removed when the listener closes, and a file
    /// that nobody listens on is replaced.
    public func listen(
        onPath path: String, accept: @escaping (SocketTransport) -> Void
    ) throws(Fault) -> Listener {
        assertOnLoop()
        let socket = try ListeningSocket.open(atPath: path)
        return try Listener(socket: socket, path: path, loop: self, accept: accept)
    }
}
