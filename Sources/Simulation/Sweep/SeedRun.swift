public import Ground
import Topology

/// What came of one seed.
public struct SeedRun: Sendable {
    public let seed: UInt64
    public let events: UInt64
    public let frames: UInt64
    public let trace: UInt64
    /// What broke, or `nil`.
    public let violation: Violation?
    /// The shortest story that shows it.
    public let story: [String]

    /// Runs the world of a seed; with `twice` also again, to see whether the trace is the same.
    ///
    /// - Throws: `inner` when the generator made a world that is not valid.
    public init(
        seed: UInt64, size: RandomWorld.Size = RandomWorld.Size(), twice: Bool = false
    ) throws(Fault) {
        try self.init(seed: seed, size: size, twice: twice, settings: WorldSettings())
    }

    init(
        seed: UInt64, size: RandomWorld.Size, twice: Bool, settings: WorldSettings
    ) throws(Fault) {
        let (topology, scenario) = try Self.read(RandomWorld(seed: seed, size: size))
        var simulation = try Simulation(topology, scenario, seed: seed, settings: settings)
        // Made before the first one runs, so that nothing lies where it lay in the other; and no
        // node of it is spared a tick.
        var wakeful = settings
        wakeful.dozes = false
        var again = twice ? try Simulation(topology, scenario, seed: seed, settings: wakeful) : nil
        simulation.finish()
        again?.finish()
        var violation = simulation.violation
        if let other = again, violation == nil, other.trace != simulation.trace {
            violation = Violation(
                invariant: .sameTrace, at: 0, node: topology.nodes[0].name,
                words: "two runs of seed \(seed) differ", frame: nil, peer: nil, shard: 0)
        }
        self.seed = seed
        self.violation = violation
        events = simulation.events
        frames = simulation.frames
        trace = simulation.trace
        story = try simulation.story()
    }

    private static func read(_ world: RandomWorld) throws(Fault) -> (Topology, Scenario) {
        do throws(TopologyFaults) {
            return try world.read()
        } catch {
            throw Fault(.inner, "seed \(world.seed) made a world that is not valid:\n\(error)")
        }
    }
}
