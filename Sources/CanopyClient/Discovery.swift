internal import EventLoop
internal import Ground
internal import HTTP
internal import Routing
internal import Wire

/// Learns of more nodes from the one that is used. Confined to the loop.
final class Discovery {
    /// How often the node is asked again: a site gets new nodes once in months.
    static let askEvery = Interval.seconds(30)
    /// How long an answer may take.
    static let patience = Interval.seconds(5)

    let isOn: Bool
    /// The nodes that the client was made with; they stay candidates whatever others say.
    private let given: [NodeAddress]
    private let isSecure: Bool
    weak var roamer: Roamer?
    private var timer: (any ScheduledTimer)?

    init(given: [NodeAddress], isOn: Bool, isSecure: Bool) {
        self.given = given
        self.isOn = isOn
        self.isSecure = isSecure
    }

    /// Frames go to a node from now on: it is asked for its neighbours.
    func arrived(at number: Int) {
        guard isOn else { return }
        timer?.cancel()
        timer = nil
        guard let roamer, let station = roamer.station(number) else { return }
        let asked = OneAnswer<NeighboursResponse> { [weak self] answer in
            guard let self, let roamer = self.roamer, roamer.home?.number == number else { return }
            if case .success(let told) = answer { roamer.know(candidates(told)) }
            timer = roamer.loop.schedule(after: Self.askEvery) { [weak self] in
                self?.arrived(at: number)
            }
        }
        let call = station.pool.call(
            RPCPath.neighbours, deadline: roamer.now + Self.patience, handler: asked)
        call.send(message: NeighboursRequest().encode())
        call.halfClose()
    }

    func stop() { timer?.cancel() }

    /// The given nodes, then those told of that speak as we do: a client with certificates follows
    /// nobody into plain text.
    private func candidates(_ told: NeighboursResponse) -> [NodeAddress] {
        var nodes = given
        for neighbour in told.neighbours where neighbour.tls == isSecure {
            guard let endpoint = Endpoint(neighbour.address), endpoint.port > 0,
                nodes.count < Itinerary.mostCandidates,
                !nodes.contains(where: { $0.endpoint == endpoint })
            else { continue }
            nodes.append(NodeAddress(endpoint, name: neighbour.name))
        }
        return nodes
    }
}
