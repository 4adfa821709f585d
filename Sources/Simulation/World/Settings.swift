import Ground
import Routing

/// How a world is run, beside what its topology and its scenario say.
public struct WorldSettings: Sendable {
    /// Whether the first broken invariant ends the run. Default yes.
    public var stopsAtViolation = true
    /// Whether the frame's own story is written down: see `Recorder`.
    var records: Recorder.Wish?
    /// Whether each shard's events are kept as a log, as a real node records them.
    var keepsLogs = false
    /// Whether nodes that have nothing to do are spared their ticks; the trace is the same.
    var dozes = true
    /// Where spools lie on virtual disks, what befalls those; `nil` counts what is owed instead.
    var disks: DiskPlan?
    /// Faults that tests plant, to see the watch find them.
    var planted = Planted()

    public init() {}
}

/// What befalls the disks and certificates of nodes that owe, beside what the scenario says.
struct DiskPlan: Sendable {
    /// A disk that others fill: so many bytes are left of it meanwhile.
    struct Crowd: Sendable {
        var from: UInt64
        var until: UInt64
        var room: Int
    }

    /// A certificate when the world begins, and when it is renewed.
    struct Certificate: Sendable {
        var age: Interval
        var left: Interval
        var renewal: Interval
    }

    var isSealed = false
    var crowd: Crowd?
    var certificate: Certificate?
}

/// Bugs that a test plants in a world: each is what a slip in the code could be.
struct Planted: Sendable {
    /// Changes the numbers by which nodes decide.
    var amend: (@Sendable (inout Policy) -> Void)?
    /// Equal times are ordered by where a set lies in memory, not by the order of scheduling.
    var breaksTiesByHash = false
    /// Final answers are given twice.
    var answersTwice = false
    /// Hubs count what they are sent again.
    var countsAgain = false
    /// A bug of those who keep and send what is owed.
    var owing: OfflineTrial.Planted?
    /// Timers never ring.
    var losesTimers = false
    /// What a shard is told instead of what another said; `nil` loses it.
    var misreads: (@Sendable (ShardMessage) -> ShardMessage?)?
}
