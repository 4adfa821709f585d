internal import EventLoop
internal import Ground
internal import HTTP
internal import Routing
internal import Wire

/// One node that the client knows, and its connections. Confined to the loop.
final class Station {
    let number: Int
    let address: NodeAddress
    let pool: ClientPool
    /// Why it did not answer the last time; `nil` when it did.
    private(set) var trouble: Fault?
    /// How many connections the pool had opened when an answer came over the last of them.
    private var proven = 0

    init(number: Int, address: NodeAddress, pool: ClientPool) {
        self.number = number
        self.address = address
        self.pool = pool
    }

    /// Asks for its health.
    func probe(
        deadline: Instant, _ done: @escaping (Itinerary.ProbeReport) -> Void
    ) {
        let wasProven = proven == pool.counters.connectionsOpened && pool.connections > 0
        let asked = Asked()
        let call = pool.call(RPCPath.healthCheck, deadline: deadline, handler: asked)
        asked.done = { [weak self, weak asked] fault in
            guard let self, let asked else { return }
            let isWarm = wasProven && proven == pool.counters.connectionsOpened
            let report = asked.report(fault, isWarm: isWarm)
            if case .serving = report { proven = pool.counters.connectionsOpened }
            trouble = report == .notServing ? Self.notServing(address) : fault
            done(report)
        }
        asked.call = call
        call.send(message: HealthRequest().encode())
        call.halfClose()
    }

    private static func notServing(_ address: NodeAddress) -> Fault {
        Fault(.unavailable, "\(address) says that it does not serve now", source: .peer)
    }
}

/// Hears the answer to a probe.
private final class Asked: ClientCallHandler {
    var done: ((Fault?) -> Void)?
    weak var call: ClientCall?
    private var status: HealthResponse.Status?

    func message(_ bytes: Bytes) { status = try? HealthResponse.decode(bytes).status }

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        let done = done
        self.done = nil
        done?(fault)
    }

    /// A node that refuses the question is there all the same: why it refuses us, its answers to
    /// frames will say better.
    func report(_ fault: Fault?, isWarm: Bool) -> Itinerary.ProbeReport {
        guard let fault else { return status == .serving ? .serving(isWarm: isWarm) : .notServing }
        guard call?.header("grpc-status") != nil else {
            return fault.code == .deadline ? .timedOut : .failed
        }
        return fault.code == .unavailable ? .notServing : .serving(isWarm: isWarm)
    }
}
