internal import CLibuv
internal import Glibc
public import Ground

/// A signal that a service is sent.
public enum ServiceSignal: Sendable {
    case terminate, interrupt, hangUp

    fileprivate var number: Int32 {
        switch self {
        case .terminate: SIGTERM
        case .interrupt: SIGINT
        case .hangUp: SIGHUP
        }
    }
}

/// Takes a signal's standard effect away and calls a body instead, until closed.
public final class SignalWatch: HandleOwner {
    private let handle = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: 1)
    private let body: () -> Void
    private var isClosed = false

    fileprivate init(_ signal: ServiceSignal, on loop: Loop, body: @escaping () -> Void)
        throws(Fault)
    {
        self.body = body
        uv_signal_init(loop.uv, handle)
        handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let status = uv_signal_start(
            handle, { handle, _ in owner(handle!.pointee.data, as: SignalWatch.self).body() },
            signal.number)
        guard status == 0 else {
            close()
            throw Fault.uv(status, "watching the signal \(signal)")
        }
    }

    /// Gives the signal its standard effect back.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        handle.closeHandle()
    }

    func loopEnds() { close() }
}

extension Loop {
    /// Calls `body` on the loop each time the process gets `signal`; several in quick succession
    /// may become one call. The watch stays until it is closed or the loop ends.
    @discardableResult
    public func onSignal(
        _ signal: ServiceSignal, _ body: @escaping () -> Void
    ) throws(Fault) -> SignalWatch {
        assertOnLoop()
        return try SignalWatch(signal, on: self, body: body)
    }
}
