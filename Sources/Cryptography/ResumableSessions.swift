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

    /// Keeps `session` for `peer`, taking over the caller's reference.
    func keep(_ session: OpaquePointer, for peer: ExpectedPeer) {
        let address = UInt(bitPattern: session)
        let replaced: [UInt] = state.withLock { state in
            guard let session = OpaquePointer(bitPattern: address) else { return [] }
            if let old = state.pointers.updateValue(session, forKey: peer) {
                return [UInt(bitPattern: old)]
            }
            state.order.append(peer)
            guard state.order.count > Self.limit else { return [] }
            let oldest = state.order.removeFirst()
            return state.pointers.removeValue(forKey: oldest).map { [UInt(bitPattern: $0)] } ?? []
        }
        for old in replaced { SSL_SESSION_free(OpaquePointer(bitPattern: old)) }
    }

    /// Lets `connection` try to resume what was agreed with `peer`.
    func offer(_ peer: ExpectedPeer, on connection: OpaquePointer) {
        let address = UInt(bitPattern: connection)
        state.withLock { state in
            guard let session = state.pointers[peer] else { return }
            _ = SSL_set_session(OpaquePointer(bitPattern: address), session)
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
