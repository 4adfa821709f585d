public import Ground
public import Routing

/// One node's whole mind as one value. It hears events and says effects; the gateway lets it live
/// on real ports, the simulator on virtual ones. It holds no socket, no clock and no thread.
///
/// A loop owns one `Node`: a shard. Nothing here is shared between threads.
public struct Node: Sendable {
    /// Frames that a shard remembers at once. A frame's memory here is a hundred bytes; its payload
    /// is bounded by the byte budget, which runs out long before this does.
    public static let mostFrames = 65_536

    private var world: Surroundings
    private var journeys = Slots<Journey>(limit: Node.mostFrames)
    /// No new frames are admitted: the node is on its way out.
    public private(set) var isDraining = false

    public init(_ world: Surroundings) {
        self.world = world
    }

    /// Frames that the node has not forgotten yet.
    public var frames: Int { journeys.count }

    /// What is known of the nodes upstream, for status and metrics.
    public var peers: [Peer] { world.peers }

    /// Whether the task's frames may be answered by somebody upstream.
    public func forwards(_ task: Int) -> Bool {
        let course = world.courses[task]
        return course.mayLeave && !course.peers.isEmpty
    }

    /// Takes one event and appends what is to be done.
    public mutating func on(_ event: Event, now: Instant, into effects: inout Effects) {
        switch event {
        case .arrived(let id, let arrival):
            var journey = Journey(id: id, arrival: arrival)
            let goesOn = journey.arrive(now: now, in: &world, into: &effects)
            if goesOn { journeys[id] = journey } else { journeys.free(id) }
        case .frame(let id, let event):
            guard var journey = journeys[id] else { return }
            if journey.on(event, now: now, in: &world, into: &effects) {
                journeys[id] = journey
            } else {
                journeys.free(id)
            }
        case .modelReady(let task, let bar):
            world.courses[task].hasModel = true
            world.courses[task].bar = bar
        case .modelLost(let task):
            world.courses[task].hasModel = false
        case .draining:
            isDraining = true
        }
    }

    /// Reserves a place for a frame about to arrive; `nil` when the node remembers as many as it
    /// may, or drains.
    public mutating func admit() -> FrameID? {
        isDraining ? nil : journeys.reserve()
    }
}

/// What a node hears.
public enum Event: Hashable, Sendable {
    /// A frame came, under an id that `Node.admit` gave.
    case arrived(FrameID, Arrival)
    /// Something happened to a frame. An event for a frame that is over changes nothing.
    case frame(FrameID, FrameEvent)
    /// The task's model is loaded; answers from `bar` on are accepted, all of them when it is
    /// `nil`.
    case modelReady(task: Int, bar: Bar?)
    /// The task's model is gone.
    case modelLost(task: Int)
    /// The node was asked to end.
    case draining
}
