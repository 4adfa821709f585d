internal import Cryptography
internal import EventLoop
internal import Ground
internal import HTTP
internal import Routing
internal import Wire

/// The half of a client that lives on its loop: hosts an `Itinerary` on real connections, and the
/// lanes of its cameras.
final class Roamer {
    /// How often cameras look for answers that are overdue: a tenth of a frame's usual timeout.
    static let tickEvery = Interval.milliseconds(100)

    let loop: Loop
    let discovery: Discovery
    var counts = ClientStatus.Counts()
    private let makePool: (NodeAddress, UInt64) -> ClientPool
    private(set) var stations: [Station] = []
    private var lastNumber = 0
    private var itinerary: Itinerary
    private var lanes: [CameraLane] = []
    private var errands: [Errand] = []
    private var events: [Itinerary.Event] = []
    private var isBusy = false
    private var hasBegun = false
    private var isClosed = false
    private var wakeTimer: (any ScheduledTimer)?
    private var wakeAt = Instant.distantFuture
    private var tickTimer: (any ScheduledTimer)?
    private var watchers: [@Sendable (Move) -> Void] = []
    private var retired = CanopyClient.Traffic()

    init(
        _ loop: Loop, nodes: [NodeAddress], discovers: Bool, isSecure: Bool,
        makePool: @escaping (NodeAddress, UInt64) -> ClientPool
    ) {
        self.loop = loop
        self.makePool = makePool
        itinerary = Itinerary(seed: loop.time.now.nanoseconds)
        discovery = Discovery(given: nodes, isOn: discovers, isSecure: isSecure)
        discovery.roamer = self
        stations = nodes.map(makeStation)
    }

    var now: Instant { loop.time.now }

    /// Where frames go; `nil` while no node answers, and while it is being decided.
    var home: Station? { isBusy ? nil : itinerary.home.flatMap(station) }

    func station(_ number: Int) -> Station? { stations.first { $0.number == number } }

    private func makeStation(_ address: NodeAddress) -> Station {
        lastNumber += 1
        let seed = loop.time.now.nanoseconds &+ UInt64(lastNumber)
        return Station(number: lastNumber, address: address, pool: makePool(address, seed))
    }

    // MARK: Nodes

    /// Begins to probe. A client that only asks one node needs not.
    func begin() {
        guard !hasBegun, !isClosed else { return }
        hasBegun = true
        hear(.candidates(stations.map(\.number)))
        hear(.tick)
    }

    /// These are the nodes from now on.
    func know(_ nodes: [NodeAddress]) {
        let gone = stations.filter { station in
            !nodes.contains { $0.endpoint == station.address.endpoint }
        }
        stations.removeAll { station in gone.contains { $0 === station } }
        let known = Set(stations.map(\.address.endpoint))
        for node in nodes where !known.contains(node.endpoint) {
            stations.append(makeStation(node))
        }
        hear(.candidates(stations.map(\.number)))
        for station in gone { close(station) }
    }

    private func close(_ station: Station) {
        let last = station.pool.traffic
        retired.add(last)
        station.pool.close()
    }

    // MARK: Events and effects

    /// Gives the itinerary every event in order, also those that its own effects bring about.
    func hear(_ event: Itinerary.Event) {
        guard hasBegun, !isClosed else { return }
        events.append(event)
        guard !isBusy else { return }
        isBusy = true
        let before = itinerary.home
        while !events.isEmpty {
            var effects: [Itinerary.Effect] = []
            itinerary.on(events.removeFirst(), now: now, into: &effects)
            for effect in effects { perform(effect) }
        }
        isBusy = false
        armWake()
        guard itinerary.home != before else { return }
        for lane in lanes { lane.goOn() }
        runErrands()
    }

    private func perform(_ effect: Itinerary.Effect) {
        switch effect {
        case .probe(let number, let attempt): probe(number, attempt)
        case .giveUp(let number):
            guard let station = station(number) else { return }
            for lane in lanes { lane.giveUp(station) }
        case .moved(let from, let to, let reason): moved(from, to, reason)
        }
    }

    private func probe(_ number: Int, _ attempt: UInt32) {
        let deadline = now + itinerary.settings.patience
        station(number)?.probe(deadline: deadline) { [weak self] report in
            self?.hear(.probed(number, attempt: attempt, report))
        }
    }

    private func moved(_ from: Int?, _ to: Int?, _ reason: Itinerary.Reason) {
        let old = from.flatMap(station)
        if from != nil, to != nil { counts.moved += 1 }
        for lane in lanes { lane.move() }
        let move = Move(
            from: old?.address, to: to.flatMap(station)?.address,
            distance: to.flatMap(itinerary.distance), reason: reason, trouble: old?.trouble)
        for watcher in watchers { watcher(move) }
        if let to { discovery.arrived(at: to) }
    }

    /// Why nodes did not take a frame in time.
    func whyDropped(_ reason: DropReason) -> Fault {
        let trouble = stations.lazy.compactMap(\.trouble).first
        let text =
            switch reason {
            case .full: "the stream's buffer is full"
            case .tooOld: "the frame waited for a node for too long"
            }
        guard itinerary.home == nil else {
            return Fault(
                .exhausted, text + ": the node answers more slowly than frames come",
                remedy: "send fewer or smaller frames")
        }
        return Fault(.unavailable, text + ", and no node answers", cause: trouble)
    }

    // MARK: Time

    private func armWake() {
        let at = itinerary.wakeAt
        guard at != wakeAt, !isClosed else { return }
        wakeTimer?.cancel()
        wakeAt = at
        wakeTimer = loop.schedule(after: max(at - now, .zero)) { [weak self] in
            guard let self else { return }
            wakeAt = .distantFuture
            hear(.tick)
        }
    }

    /// Ticks while any camera has frames.
    func armTick() {
        guard tickTimer == nil, !isClosed else { return }
        tickTimer = loop.schedule(after: Self.tickEvery) { [weak self] in
            guard let self else { return }
            tickTimer = nil
            for lane in lanes { lane.tick() }
            if lanes.contains(where: { !$0.isIdle }) { armTick() }
        }
    }

    // MARK: Cameras

    func add(_ lane: CameraLane) {
        guard !isClosed else { return lane.abandon(CanopyClient.closed) }
        lanes.append(lane)
        begin()
    }

    func remove(_ lane: CameraLane) { lanes.removeAll { $0 === lane } }

    /// Tells of each move from now on, and where frames go already.
    func watch(_ body: @escaping @Sendable (Move) -> Void) {
        watchers.append(body)
        guard let home = itinerary.home, let station = station(home) else { return }
        body(
            Move(
                from: nil, to: station.address, distance: itinerary.distance(to: home),
                reason: .found, trouble: nil))
    }

    // MARK: Single calls

    /// The node for a single call: home, or the only one there is.
    var anybody: Station? { stations.count == 1 && !discovery.isOn ? stations.first : home }

    /// Calls that may wait for a node: as many as may wait for one node's connections.
    static let mostErrands = 1_024

    func run(_ errand: Errand) {
        // It may come in the very turn in which the client closes: nobody would end it then.
        guard !isClosed else { return errand.fail(CanopyClient.closed) }
        guard errands.count < Self.mostErrands else {
            return errand.fail(
                Fault(
                    .exhausted, "\(errands.count) calls wait for a node already",
                    remedy: "call less, or await answers"))
        }
        if anybody == nil { begin() }
        errands.append(errand)
        runErrands()
    }

    /// Sends what waits for a node, in order; what is left waits on.
    private func runErrands() {
        guard !errands.isEmpty, !isBusy, let station = anybody else { return }
        let waiting = errands
        errands = []
        for errand in waiting where !errand.begin(at: station) { errands.append(errand) }
    }

    func forget(_ errand: Errand) { errands.removeAll { $0 === errand } }

    // MARK: The end

    func close() {
        guard !isClosed else { return }
        isClosed = true
        wakeTimer?.cancel()
        tickTimer?.cancel()
        discovery.stop()
        for lane in lanes { lane.abandon(CanopyClient.closed) }
        for errand in errands { errand.fail(CanopyClient.closed) }
        errands = []
        for station in stations { station.pool.close() }
    }

    var traffic: CanopyClient.Traffic {
        stations.reduce(into: retired) { $0.add($1.pool.traffic) }
    }

    var status: ClientStatus {
        ClientStatus(
            node: itinerary.home.flatMap(station)?.address,
            candidates: stations.map { station in
                ClientStatus.Candidate(
                    node: station.address, distance: itinerary.distance(to: station.number),
                    isLive: itinerary.isLive(station.number, now: now))
            }, counts: counts)
    }
}

extension ClientPool {
    var traffic: CanopyClient.Traffic {
        CanopyClient.Traffic(
            bytesIn: counters.bytesIn, bytesOut: counters.bytesOut,
            connections: counters.connectionsOpened, handshakes: counters.handshakes)
    }
}
