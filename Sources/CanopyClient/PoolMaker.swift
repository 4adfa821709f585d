internal import Cryptography
internal import EventLoop
internal import Ground
internal import HTTP
internal import Routing

/// Makes the connections to nodes. Confined to its loop.
final class PoolMaker {
    /// The longest pause after a failed connect. Probes come twice a second, and a breaker already
    /// sees to it that a dead node is asked rarely.
    static let backoffMost = Interval.seconds(1)
    /// Bytes ready for a socket that does not take them. A probe waits behind them: on 2 Mbit/s
    /// for a second.
    static let unsent = 256 << 10

    private unowned let loop: Loop
    private let context: TLSContext?
    private let limits: ClientLimits
    private let hooks: LoopHooks
    private let budget = ByteBudget(limit: CanopyClient.answerBytes)

    init(_ loop: Loop, _ context: TLSContext?, connections: Int) {
        self.loop = loop
        self.context = context
        var limits = ClientLimits()
        limits.connections = connections
        limits.backoffMost = Self.backoffMost
        limits.unsent = Self.unsent
        self.limits = limits
        let poster = loop.poster
        hooks = LoopHooks(
            endOfTurn: { [unowned loop] in loop.atEndOfTurn($0) }, post: { poster.post($0) })
    }

    func pool(_ node: NodeAddress, seed: UInt64) -> ClientPool {
        guard let context else {
            return ClientPool(
                node.endpoint, limits: limits, allocator: budget, network: loop, hooks: hooks,
                seed: seed)
        }
        return ClientPool(
            node.endpoint, limits: limits, allocator: budget, network: loop, hooks: hooks,
            seed: seed, tls: context, expecting: node.expecting)
    }
}

extension CanopyClient {
    static func context(_ identity: ClientIdentity) throws(Fault) -> TLSContext? {
        guard case .certified(let trust, let credentials) = identity else { return nil }
        return try TLSContext(TLSSettings.client(credentials, trust: .authorities(trust)))
    }

    static func check(_ nodes: [NodeAddress]) throws(Fault) {
        guard (1...Itinerary.mostCandidates).contains(nodes.count) else {
            throw Fault(
                .invalid,
                "a client of \(nodes.count) nodes came, expected 1 to \(Itinerary.mostCandidates)")
        }
        let places = nodes.map(\.endpoint)
        if let twice = places.first(where: { place in places.count { $0 == place } > 1 }) {
            throw Fault(.invalid, "\(twice) came twice among a client's nodes")
        }
    }
}
