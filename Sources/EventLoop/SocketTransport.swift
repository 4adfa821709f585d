internal import CLibuv
internal import Glibc
public import Ground

/// A connected socket: TCP, or a Unix domain socket.
///
/// Reading starts with the first receiver. When the other end has finished sending, the transport
/// finishes too, after what is unsent, and `closed(nil)` follows; a receiver that wants to go on
/// sending conforms to `HalfCloseReceiver`. It keeps itself alive until `closed`.
public final class SocketTransport: Transport, HandleOwner {
    enum Phase {
        case open
        /// `close` was called; unsent bytes leave, bytes that come are dropped.
        case flushing
        /// All is sent; waits for the other end to finish, so that the kernel does not reset it.
        case lingering
        case closed
    }

    public let peer: Endpoint
    public var receiver: (any TransportReceiver)? { didSet { updateReading() } }
    /// Bytes read from the socket.
    public internal(set) var bytesIn = 0
    /// Times that `send` had to leave something to the loop.
    public internal(set) var queuedSends = 0

    let loop: Loop
    let tcp: UnsafeMutablePointer<uv_tcp_t>
    var phase = Phase.open
    var outcome: Fault?
    var handed = 0
    var pendingWrites = 0
    var hasReadEnd = false
    var shutdown = Shutdown.none
    var patience = (flush: flushPatience, linger: lingerPatience)
    private var wantsReading = true
    private var isReading = false
    private var takenAtClose: Int?

    /// How far our own end of the stream is.
    enum Shutdown { case none, requested, done }

    /// Takes over a connected handle that libuv opened.
    init(_ tcp: UnsafeMutablePointer<uv_tcp_t>, peer: Endpoint, isTCP: Bool, on loop: Loop) {
        self.tcp = tcp
        self.peer = peer
        self.loop = loop
        // A frame's last segment must not wait for an acknowledgement.
        if isTCP { uv_tcp_nodelay(tcp, 1) }
        tcp.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    /// Takes over a connected, non-blocking descriptor, also when it fails.
    convenience init(
        adopting descriptor: Int32, peer: Endpoint, isTCP: Bool, on loop: Loop
    ) throws(Fault) {
        let tcp = UnsafeMutablePointer<uv_tcp_t>.allocate(capacity: 1)
        uv_tcp_init(loop.uv, tcp)
        tcp.pointee.data = nil
        let status = uv_tcp_open(tcp, descriptor)
        guard status == 0 else {
            Glibc.close(descriptor)
            tcp.closeHandle()
            throw Fault.uv(status, "taking over a connection from \(peer)")
        }
        self.init(tcp, peer: peer, isTCP: isTCP, on: loop)
    }

    var stream: UnsafeMutablePointer<uv_stream_t> { tcp.asStream }

    public var unsent: Int { phase == .closed ? 0 : uv_stream_get_write_queue_size(stream) }

    /// Bytes that the kernel has taken.
    public var bytesOut: Int { takenAtClose ?? handed - unsent }

    /// Keeps the kernel's receive buffer at about `bytes`, so that the other end soon feels when
    /// nobody reads.
    public func limitReceiveBuffer(to bytes: Int) {
        guard phase != .closed else { return }
        var size = Int32(clamping: bytes)
        uv_recv_buffer_size(tcp.asHandle, &size)
    }

    public func setReading(_ on: Bool) {
        wantsReading = on
        updateReading()
    }

    /// Starts or stops reading as phase, receiver and wish say. While nobody reads, the other end's
    /// close stays unseen.
    func updateReading() {
        let should: Bool
        switch phase {
        case .open: should = wantsReading && receiver != nil && !hasReadEnd
        case .flushing, .lingering: should = !hasReadEnd
        case .closed: return
        }
        guard should != isReading else { return }
        isReading = should
        guard should else {
            uv_read_stop(stream)
            return
        }
        uv_read_start(
            stream,
            { handle, _, buffer in
                buffer!.pointee.base = Loop.of(handle!.pointee.loop).readBuffer
                    .assumingMemoryBound(to: CChar.self)
                buffer!.pointee.len = Loop.readCapacity
            },
            { handle, count, buffer in
                owner(handle!.pointee.data, as: SocketTransport.self).didRead(
                    count, buffer!.pointee.base)
            })
    }

    /// Bytes, or a negative status, came from the socket.
    private func didRead(_ count: Int, _ base: UnsafeMutablePointer<CChar>?) {
        if count > 0 {
            bytesIn += count
            guard phase == .open else { return }
            receiver?.received(UnsafeRawBufferPointer(start: base, count: count))
        } else if count == Int(UV_EOF.rawValue) {
            hasReadEnd = true
            updateReading()
            readEnded()
        } else if count < 0 {
            // What was sent has been taken; how the other end tidies up is no fault any more.
            let fault = Fault.uv(Int32(count), "reading from \(peer)")
            terminate(phase == .lingering ? nil : fault, reset: false)
        }
    }

    /// Freezes the count of bytes taken, before libuv drops what is unsent.
    func freezeCounters() { takenAtClose = handed - uv_stream_get_write_queue_size(stream) }
}

/// A receiver that goes on sending after the other end has finished.
public protocol HalfCloseReceiver: TransportReceiver {
    /// The other end has finished sending; nothing more is received. The stream ends when
    /// `finishSending` or `close` was called.
    func receivedEnd()
}
