public import Ground
public import Routing

/// One node's whole mind as one value. It hears events and says effects; the gateway lets it live
/// on real ports, the simulator on virtual ones. It holds no socket, no clock and no thread.
///
/// A loop owns one `Node`: a shard. Nothing here is shared between threads; what is node-wide has
/// one owner among the shards, and they tell each other (`ShardMessage`) by way of their hosts.
public struct Node: Sendable {
    /// Frames that a shard remembers at once. A frame's memory here is a few hundred bytes; its
    /// payload is bounded by the byte budget, which runs out long before this does.
    public static let mostFrames = 65_536

    /// How often a host says `tick`.
    public static let tick = Interval.milliseconds(250)

    private var world: Surroundings
    private var journeys = Slots<Journey>(limit: Node.mostFrames)
    /// No new frames are admitted: the node is on its way out, or an operator empties it.
    public private(set) var isDraining = false

    public init(_ world: Surroundings) {
        self.world = world
    }

    /// Frames that the node has not forgotten yet.
    public var frames: Int { journeys.count }

    /// What is known of other nodes, for status and metrics.
    public var peers: [Peer] { world.peers }

    /// What is known of the tasks, for status and metrics.
    public var courses: [Course] { world.courses }

    /// Who waits and who runs, for status and metrics.
    public var admission: Admission { world.admission }

    /// Whether a peer is left out for doing worse than its fellows.
    public func isEjected(peer: Int) -> Bool { world.outliers.isEjected(peer) }

    /// Up to this moment a tick does nothing, as long as no event comes that is not of a frame, and
    /// no call is made. A host that has very many nodes need not let all of them tick.
    ///
    /// As of the last tick.
    public var idleUntil: Instant { world.idleUntil }

    /// Frames of a source under way on this shard.
    public func frames(of source: Int) -> Int { world.sources.count(of: source) }

    /// Whether a frame is under way: it waits no more for its source's turn, and is not over.
    public func isUnderWay(_ id: FrameID) -> Bool {
        guard let place = journeys.place(of: id) else { return false }
        return journeys.slots[place].value != nil
    }

    /// Whether a frame waits for another loop's leave to call a peer: it has no place and no worker
    /// then.
    public func isAsking(_ id: FrameID) -> Bool {
        guard let place = journeys.place(of: id) else { return false }
        return journeys.slots[place].value?.isAsking ?? false
    }

    /// What this node says of its load with an answer to another node.
    public var load: PeerLoad {
        let admission = world.admission
        return PeerLoad(held: admission.waitingCount + admission.runningCount, room: admission.room)
    }

    /// Whether the task's frames may be answered by somebody upstream.
    public func forwards(_ task: Int) -> Bool {
        world.courses[task].mayLeave && world.courses[task].hasUpstream
    }

    /// Takes one event and appends what is to be done.
    public mutating func on(_ event: Event, now: Instant, into effects: inout Effects) {
        switch event {
        case .arrived(let id, let arrival): arrive(id, arrival, now: now, into: &effects)
        case .frame(let id, let event):
            endWork(id, event, now: now)
            hear(event, of: id, now: now, into: &effects)
        case .modelReady(let task, let bar): world.setModel(true, bar: bar, task: task)
        case .modelLost(let task): world.setModel(false, bar: nil, task: task)
        case .modelStale(let task, let isStale):
            world.setStale(isStale, task: task, now: now)
        case .workers(let count): world.setWorkers(count)
        case .ownEngine(let task, let isOwn): world.setAlone(isOwn, task: task)
        case .tick:
            world.tick(now: now) { peer, number, deadline in
                effects.append(.probe(peer: peer, number: number, deadline: deadline))
            }
        case .probed(let peer, let number, let isWell):
            world.probed(peer, number: number, isWell: isWell, now: now)
        case .peerOverride(let peer, let override): world.setOverride(override, peer: peer)
        case .peerDraining(let peer, let isDraining):
            world.setDraining(isDraining, peer: peer)
        case .peerCalled(let peer):
            world.called(by: peer, now: now) { peer, number, deadline in
                effects.append(.probe(peer: peer, number: number, deadline: deadline))
            }
        case .sourceLimit(let source, let limit): world.setLimit(limit, of: source)
        case .told(let from, let message): world.hear(message, from: from, now: now)
        case .draining: isDraining = true
        case .undrained: isDraining = false
        }
        settle(now: now, into: &effects)
    }

    /// Takes a new topology's rules and numbers. Tasks and peers keep their indexes; new ones
    /// follow. What was learnt stays, and who is under way goes on.
    public mutating func adopt(_ new: Surroundings) { world.adopt(new) }

    /// Reserves a place for a frame about to arrive; `nil` when the node remembers as many as it
    /// may, or drains.
    public mutating func admit() -> FrameID? {
        isDraining ? nil : journeys.reserve()
    }

    // MARK: Frames

    private mutating func arrive(
        _ id: FrameID, _ arrival: Arrival, now: Instant, into effects: inout Effects
    ) {
        switch world.enter(id, arrival) {
        case .isIn: begin(id, arrival, now: now, into: &effects)
        case .full: turnAway(id, into: &effects)
        case .waits: break
        }
    }

    /// The frame's source has as many under way as it may.
    private mutating func turnAway(_ id: FrameID, into effects: inout Effects) {
        effects.append(.refuse(id, .quota))
        effects.append(.forget(id))
        journeys.free(id)
    }

    private mutating func begin(
        _ id: FrameID, _ arrival: Arrival, now: Instant, into effects: inout Effects
    ) {
        journeys.put(Journey(id: id, arrival: arrival), at: id)
        guard let place = journeys.place(of: id) else { return }
        let goesOn = journeys.slots[place].value?.arrive(now: now, in: &world, into: &effects)
        if goesOn != true { end(id, source: arrival.source) }
    }

    private mutating func hear(
        _ event: FrameEvent, of id: FrameID, now: Instant, into effects: inout Effects
    ) {
        guard let place = journeys.place(of: id),
            let goesOn = journeys.slots[place].value?.on(
                event, now: now, in: &world, into: &effects)
        else {
            if event == .cancelled, world.withdraw(id) {
                effects.append(.forget(id))
                journeys.free(id)
            }
            return
        }
        if !goesOn { end(id, source: journeys.slots[place].value?.arrival.source ?? 0) }
    }

    private mutating func end(_ id: FrameID, source: Int) {
        world.leave(source)
        journeys.free(id)
    }

    /// A worker is free again, whether or not its frame is still wanted.
    private mutating func endWork(_ id: FrameID, _ event: FrameEvent, now: Instant) {
        switch event {
        case .inferred: world.finish(id, answered: true, now: now)
        case .inferenceFailed: world.finish(id, answered: false, now: now)
        default: break
        }
    }

    /// Gives free workers to those who wait, tells those who had to give way, and says what
    /// changed.
    private mutating func settle(now: Instant, into effects: inout Effects) {
        while true {
            if let id = world.takeDisplaced() {
                hear(.displaced, of: id, now: now, into: &effects)
            } else if let id = world.nextToBegin(now: now) {
                hear(.begun, of: id, now: now, into: &effects)
            } else if let id = world.takeAsker() {
                hear(.heard, of: id, now: now, into: &effects)
            } else if let frame = world.takeJudged() {
                if frame.isIn {
                    begin(frame.id, frame.arrival, now: now, into: &effects)
                } else {
                    turnAway(frame.id, into: &effects)
                }
            } else {
                break
            }
        }
        world.takeLetters { effects.append(.tell($0)) }
        world.takeChanges { effects.append(.noted($0)) }
    }
}
