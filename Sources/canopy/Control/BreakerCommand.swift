import ArgumentParser
import CanopyClient
import Ground
import Wire

/// `canopy breaker`: overrule a circuit breaker.
struct BreakerCommand: AsyncParsableCommand {
    enum State: String, ExpressibleByArgument, CaseIterable {
        case open, close, auto

        /// As the wire says it.
        var word: String { self == .close ? "closed" : rawValue }
    }

    static let configuration = CommandConfiguration(
        commandName: "breaker",
        abstract: "Hold the circuit breaker of a node to one of its peers open or closed.",
        discussion: """
            open: the node does not call the peer, however well it is. close: it calls the peer, \
            however many calls fail. auto: the breaker judges by itself again, as it does when the \
            time of --for is over, and after a restart.

              canopy breaker leaf region open --for 10m --topology Topology/demo.yaml
            """)

    @Argument(help: "Name of the node whose breaker it is.")
    var node: String

    @Argument(help: "Name of the peer that it calls.")
    var peer: String

    @Argument(help: "open, close or auto.")
    var state: State

    @Option(name: .customLong("for"), help: "For how long, such as 30s or 10m; at most 24h.")
    var time: String?

    @Option(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @OptionGroup var who: OperatorOptions

    func validate() throws {
        if time != nil && state == .auto {
            throw ValidationError("--for is for open and close: auto has no end")
        }
        _ = try duration()
    }

    func run() async throws {
        let order = BreakerOverride(peer: peer, state: state.word, duration: try duration())
        let patience = who.patience
        var choice = NodeChoice()
        choice.node = node
        choice.topology = topology
        choice.who = who
        try await choice.ask { (client, node) throws(Fault) in
            let reply = try await client.override(order, at: node, timeout: patience)
            let end = time.map { " for \($0)" } ?? (state == .auto ? "" : " until further notice")
            print("\(reply.node) → \(reply.peer): the breaker is \(reply.state)\(end)")
        }
    }

    private func duration() throws -> Interval {
        guard let time else { return .zero }
        let units = ["s": 1, "m": 60, "h": 3600]
        guard let unit = units[String(time.suffix(1))], let count = Int(time.dropLast()),
            (1...86_400).contains(count), count * unit <= 86_400
        else { throw ValidationError("--for is '\(time)'; write 30s, 10m or 2h, at most 24h") }
        return .seconds(Int64(count * unit))
    }
}
