import COpenSSL
import Synchronization

/// What a client agreed with its peers, newest only, to resume it in half the time of a full
/// handshake.
final class ResumableSessions: Sendable {
    /// Peers remembered; a node has few upstreams, the oldest peer is forgotten first.
    static let limit = 64

    /// A TLS session's state; OpenSSL counts its references and guards them across threads.
    struct State: @unchecked Sendable {
        var pointers: [ExpectedPeer: OpaquePointer] = [:]
        var order: [ExpectedPeer] = []
    }

    private let state = Mutex(State())

    deinit {
        state.withLock { state in
            for pointer in state.pointers.values { SSL_SESSION_free(pointer) }
        }
    }

    /// Peers remembered now.
    var count: Int { state.withLock { $0.pointers.count } }

    /// Keeps a copy of `session` for `peer`: the connection that it came from goes on changing it.
    func keep(_ session: OpaquePointer, for peer: ExpectedPeer) {
        guard let copy = SSL_SESSION_dup(session) else { return ERR_clear_error() }
        let address = UInt(bitPattern: copy)
        let dropped: UInt? = state.withLock { state in
            guard let copy = OpaquePointer(bitPattern: address) else { return nil }
            if let old = state.pointers.updateValue(copy, forKey: peer) {
                return UInt(bitPattern: old)
            }
            state.order.append(peer)
            guard state.order.count > Self.limit else { return nil }
            let oldest = state.order.removeFirst()
            return state.pointers.removeValue(forKey: oldest).map { UInt(bitPattern: $0) }
        }
        if let dropped { SSL_SESSION_free(OpaquePointer(bitPattern: dropped)) }
    }

    /// Lets `connection` try to resume what was agreed with `peer`, with a copy of its own: several
    /// connections, on several threads, may do so at once.
    func offer(_ peer: ExpectedPeer, on connection: OpaquePointer) {
        let address = UInt(bitPattern: connection)
        state.withLock { state in
            guard let session = state.pointers[peer], let copy = SSL_SESSION_dup(session) else {
                return
            }
            _ = SSL_set_session(OpaquePointer(bitPattern: address), copy)
            SSL_SESSION_free(copy)
        }
    }

    /// Forgets `peer`: the last try with its session failed.
    func forget(_ peer: ExpectedPeer) {
        state.withLock { state in
            guard let session = state.pointers.removeValue(forKey: peer) else { return }
            state.order.removeAll { $0 == peer }
            SSL_SESSION_free(session)
        }
    }
}
