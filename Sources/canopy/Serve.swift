import ArgumentParser
import Gateway
import Ground

/// `canopy serve`: one node.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run one node of a topology.",
        discussion: """
            The node answers on every listener that the topology gives it, until SIGTERM or SIGINT:
            then it takes nothing new, answers what it has and ends with status 0.
            """)

    @Option(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Option(help: "Which of its nodes to run.")
    var node: String

    @OptionGroup var logging: LogOptions

    func run() throws {
        let fleet = try TopologyArgument.read(topology)
        do throws(Fault) {
            try Gateway(fleet, node: node, log: logging.logger(node)).run()
        } catch {
            throw Failure(error)
        }
    }
}
