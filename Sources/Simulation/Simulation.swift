public import Ground
import Node
public import Topology

/// A fleet that lives through a scenario in virtual time.
///
/// The nodes are the ones that the gateway hosts; cameras, links, engines and clocks are virtual.
/// The same topology, scenario and seed give the same trace on every machine.
public struct Simulation {
    private(set) var world: World
    private let settings: WorldSettings

    /// - Throws: `invalid` when the topology has numbers that no node can run on.
    public init(
        _ topology: Topology, _ scenario: Scenario, seed: UInt64,
        settings: WorldSettings = WorldSettings()
    ) throws(Fault) {
        self.settings = settings
        world = try World(topology, scenario, seed: seed, settings)
    }

    /// Virtual time that has passed.
    public var now: Interval { .nanoseconds(Int64(world.now)) }

    /// Lets virtual time pass up to `end` since the beginning; no further than a violation.
    public mutating func run(until end: Interval) {
        world.run(until: UInt64(max(end.nanoseconds, 0)))
    }

    /// Lets what is left of the scenario pass, ends the cameras, and looks for what is left over.
    public mutating func finish() {
        run(until: world.scenario.duration)
        if world.violation == nil { world.finish() }
    }

    /// Things that happened: what cameras, links, engines, clocks and nodes did, without timers of
    /// frames that were over.
    public var events: UInt64 { world.occurrences }

    /// Camera frames so far.
    public var frames: UInt64 { world.serial }

    /// The hash of every event and effect of every node, with its time: equal for equal seeds.
    public var trace: UInt64 { world.trace.value }

    /// The first invariant that was broken, or `nil`.
    public var violation: Violation? { world.violation }

    /// Runs the same again up to the violation, and tells the story of the frame, or of the node,
    /// that it is about.
    public func story() throws(Fault) -> [String] {
        guard let violation else { return [] }
        var settings = settings
        settings.records = Recorder.Wish(
            frame: violation.frame, shard: violation.shard, peer: violation.peer)
        var again = try World(world.topology, world.scenario, seed: world.seed, settings)
        again.run(until: violation.at)
        if again.violation == nil { again.finish() }
        return again.recorder?.lines ?? []
    }

    /// What became of the frames.
    public var report: SimulationReport { SimulationReport(world) }
}
