internal import CLibuv
internal import Glibc
internal import Ground

extension SocketTransport {
    /// How long a closing stream may stand still with bytes unsent. A peer that takes nothing for
    /// five seconds has gone away or means harm; a slow one that takes some keeps its answer.
    static let flushPatience = Interval.seconds(5)
    /// How long a stream that has sent all waits for the other end to finish. Closing before it
    /// does may reset the connection and destroy bytes that are still on their way to it.
    static let lingerPatience = Interval.seconds(1)

    /// Orderly: what is unsent leaves, then the stream ends. Abruptly: at once, with a reset that
    /// the other end can tell from an orderly end. `closed` follows in a later turn.
    public func close(abruptly: Bool) {
        loop.assertOnLoop()
        if abruptly {
            terminate(Fault(.cancelled, "the connection to \(peer) was cut here"), reset: true)
        } else if phase == .open {
            phase = .flushing
            updateReading()
            watchFlush(last: unsent)
            shutDown()
        }
    }

    /// Ends our half of the stream after what is unsent; bytes are still received. When the other
    /// half has ended too, `closed(nil)` follows.
    public func finishSending() {
        loop.assertOnLoop()
        if phase == .open { shutDown() }
    }

    func loopEnds() { terminate(.loopEnded, reset: true) }

    /// The other end has finished sending.
    func readEnded() {
        if phase == .lingering { return terminate(nil, reset: false) }
        guard phase == .open else { return }
        guard let receiver = receiver as? any HalfCloseReceiver else {
            return close(abruptly: false)
        }
        receiver.receivedEnd()
        if phase == .open && shutdown == .done { terminate(nil, reset: false) }
    }

    /// Closes the handle; `closed(fault)` follows.
    func terminate(_ fault: Fault?, reset: Bool) {
        guard phase != .closed else { return }
        freezeCounters()
        phase = .closed
        outcome = fault
        if reset { resetOnClose() }
        uv_close(tcp.asHandle) { handle in
            Unmanaged<SocketTransport>.fromOpaque(handle!.pointee.data).takeRetainedValue()
                .didClose()
        }
    }

    private func didClose() {
        tcp.deallocate()
        let last = receiver
        receiver = nil
        last?.closed(outcome)
    }

    private func shutDown() {
        guard shutdown == .none else {
            if shutdown == .done { didShutDown(0) }
            return
        }
        shutdown = .requested
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let status = uv_shutdown(request, stream) { request, status in
            let transport = Unmanaged<SocketTransport>.fromOpaque(request!.pointee.data)
                .takeRetainedValue()
            request!.deallocate()
            transport.didShutDown(status)
        }
        guard status != 0 else { return }
        Unmanaged.passUnretained(self).release()
        request.deallocate()
        terminate(Fault.uv(status, "closing the connection to \(peer)"), reset: false)
    }

    private func didShutDown(_ status: Int32) {
        shutdown = .done
        guard phase != .closed else { return }
        if status < 0 {
            terminate(Fault.uv(status, "closing the connection to \(peer)"), reset: false)
        } else if hasReadEnd {
            terminate(nil, reset: false)
        } else if phase == .flushing {
            phase = .lingering
            loop.schedule(after: patience.linger) { [weak self] in
                self?.terminate(nil, reset: false)
            }
        }
    }

    private func watchFlush(last: Int) {
        guard last > 0 else { return }
        loop.schedule(after: patience.flush) { [weak self] in
            guard let self, self.phase == .flushing else { return }
            guard self.unsent < last else {
                let fault = Fault(
                    .deadline,
                    "\(self.peer) left \(last) bytes unread for "
                        + "\(Int(patience.flush.milliseconds)) ms while its connection was closing",
                    source: .peer)
                return self.terminate(fault, reset: true)
            }
            self.watchFlush(last: self.unsent)
        }
    }

    /// Makes the kernel drop what is unsent and answer with a reset.
    private func resetOnClose() {
        var descriptor: Int32 = -1
        guard uv_fileno(tcp.asHandle, &descriptor) == 0 else { return }
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size)
    }
}
