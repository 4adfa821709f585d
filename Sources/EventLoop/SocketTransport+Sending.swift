internal import CLibuv
public import Ground

extension SocketTransport {
    /// Hands `bytes` to the kernel at once as far as it takes them; the rest is queued, `unsent`
    /// says how much, and `drained` follows only then. The caller bounds `unsent`: it stops
    /// producing above its limit. After `finishSending` or `close` nothing is sent.
    public func send(_ bytes: [Bytes]) {
        loop.assertOnLoop()
        guard phase == .open, shutdown == .none else { return }
        let total = bytes.reduce(0) { $0 + $1.count }
        guard total > 0 else { return }
        handed += total
        var taken = 0
        if pendingWrites == 0 {
            let result = tryWrite(bytes)
            if result < 0 && result != UV_EAGAIN.rawValue {
                // The handed bytes are lost with the stream and must not count as taken.
                handed -= total
                terminate(Fault.uv(result, "sending to \(peer)"), reset: false)
                return
            }
            taken = Int(max(result, 0))
            if taken == total { return }
            loop.counters.partialWrites += 1
        }
        queue(bytes, skipping: taken)
    }

    private func tryWrite(_ bytes: [Bytes]) -> Int32 {
        loop.counters.tryWrites += 1
        return Self.withBuffers(bytes, skipping: 0) { buffers in
            uv_try_write(stream, buffers.baseAddress, UInt32(buffers.count))
        }
    }

    private func queue(_ bytes: [Bytes], skipping taken: Int) {
        loop.counters.queuedWrites += 1
        queuedSends += 1
        let write = PendingWrite(bytes, transport: self)
        let retained = Unmanaged.passRetained(write)
        write.request.pointee.data = retained.toOpaque()
        let status = Self.withBuffers(bytes, skipping: taken) { buffers in
            uv_write(write.request, stream, buffers.baseAddress, UInt32(buffers.count)) {
                request, status in
                let write = Unmanaged<PendingWrite>.fromOpaque(request!.pointee.data)
                    .takeRetainedValue()
                write.transport.didWrite(status)
            }
        }
        if status == 0 {
            pendingWrites += 1
        } else {
            retained.release()
            terminate(Fault.uv(status, "sending to \(peer)"), reset: false)
        }
    }

    fileprivate func didWrite(_ status: Int32) {
        pendingWrites -= 1
        guard phase != .closed else { return }
        if status < 0 {
            terminate(Fault.uv(status, "sending to \(peer)"), reset: false)
        } else if pendingWrites == 0 && phase == .open {
            receiver?.drained()
        }
    }

    /// The slices as libuv's buffers, without their first `skipped` bytes.
    private static func withBuffers<R>(
        _ bytes: [Bytes], skipping skipped: Int, _ body: (UnsafeMutableBufferPointer<uv_buf_t>) -> R
    ) -> R {
        withUnsafeTemporaryAllocation(of: uv_buf_t.self, capacity: bytes.count) { buffers in
            var skip = skipped
            var count = 0
            for slice in bytes where slice.count > 0 {
                guard skip < slice.count else {
                    skip -= slice.count
                    continue
                }
                let base = (slice.slab.base + slice.start + skip).assumingMemoryBound(
                    to: CChar.self)
                buffers[count] = uv_buf_t(base: base, len: slice.count - skip)
                skip = 0
                count += 1
            }
            return body(UnsafeMutableBufferPointer(rebasing: buffers[..<count]))
        }
    }
}

/// Slices that libuv still writes: holds them, and the transport, until it has.
private final class PendingWrite {
    let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
    let transport: SocketTransport
    private let bytes: [Bytes]

    init(_ bytes: [Bytes], transport: SocketTransport) {
        self.bytes = bytes
        self.transport = transport
    }

    deinit { request.deallocate() }
}
