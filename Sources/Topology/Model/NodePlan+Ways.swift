public import Ground

/// Where to dial a node.
public struct Way: Hashable, Sendable {
    public let endpoint: Endpoint
    public let tls: Bool
}

extension NodePlan {
    /// Where other nodes dial it.
    public var dialled: Way? { address.map { Way(endpoint: $0, tls: dialledByTLS) } }

    /// Where a listener of this kind is reached: at its own address; behind a wildcard, at its port
    /// of the host that others dial. `nil` when there is none, or when nobody can know.
    public func way(for service: Listener.Service, _ clients: Listener.Clients) -> Way? {
        for listener in listeners
        where listener.serves.contains(service) && listener.clients == clients {
            if let endpoint = reached(listener.endpoint) {
                return Way(endpoint: endpoint, tls: listener.tls)
            }
        }
        return nil
    }

    private func reached(_ listened: Endpoint) -> Endpoint? {
        guard listened.port != 0 else { return nil }
        if listened.isWildcard {
            return address.map { Endpoint(host: $0.host, port: listened.port) }
        }
        // Loopback is of use only where all others are dialled there too.
        if listened.isLoopback, let address, !address.isLoopback { return nil }
        return listened
    }
}
