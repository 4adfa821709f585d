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
    /// Faults that tests plant, to see the watch find them.
    var planted = Planted()

    public init() {}
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
    /// Timers never ring.
    var losesTimers = false
    /// What a shard is told instead of what another said; `nil` loses it.
    var misreads: (@Sendable (ShardMessage) -> ShardMessage?)?
}
