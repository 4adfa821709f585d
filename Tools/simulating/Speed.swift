import ArgumentParser
import Ground
import Simulation
import Storage
import Topology

/// `simulate speed`: how many events a second one core does.
struct Speed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how many events a second the simulator does on one core.",
        discussion: """
            An event is something that happens in the world: a camera sends, an inference ends, a \
            message arrives, a timer rings, a shard ticks. Timers of frames that are over are not \
            counted. The rate is by processor time, which other programs do not disturb much.
            """)

    @Argument(help: "The topology.")
    var topology: String

    @Option(help: "The scenario; the default is one camera of a frame a second for each leaf.")
    var scenario: String?

    @Option(help: "Seconds of virtual time.")
    var seconds = 60

    @Option(help: "Of all that is random.")
    var seed: UInt64 = 1

    @Option(help: "Also write the result as JSON to this file.")
    var json: String?

    func run() throws {
        let fleet = try Topology(validating: TopologyFile(at: topology, from: FileDisk()))
        let plan = try scenario.map {
            try Scenario(
                validating: TopologyFile(at: $0, from: FileDisk(), of: .scenario), for: fleet)
        }
        let before = Machine.processorTime
        var simulation = try Simulation(fleet, plan ?? Scenario(for: fleet), seed: seed)
        let built = Machine.processorTime
        simulation.run(until: .seconds(Int64(seconds)))
        let took = Machine.processorTime - built
        let rate = Int(Double(simulation.events) / max(took, 1e-9))
        let megabytes = Machine.peakMemory / 1_000_000
        print(
            "\(fleet.nodes.count) nodes, \(seconds) s of virtual time, \(simulation.frames) frames:"
                + " \(simulation.events) events in \(took) s of processor time, \(rate) a second;"
                + " built in \(built - before) s; \(megabytes) MB at most; trace"
                + " \(String(simulation.trace, radix: 16))")
        if let violation = simulation.violation { print("broken: \(violation)") }
        let result = JSON.object([
            "nodes": .integer(fleet.nodes.count), "events": .integer(Int(simulation.events)),
            "frames": .integer(Int(simulation.frames)), "seconds": .real(took),
            "events_per_second": .integer(rate), "peak_megabytes": .integer(megabytes),
            "holds": .bool(simulation.violation == nil),
        ])
        if let json { try FileDisk().replace(json, with: result.canonical) }
        if simulation.violation != nil { throw ExitCode.failure }
    }
}
