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

            When the topology's files change, or on SIGHUP, it reads them again. A good edit is in
            force from the next frame on, and no frame is lost; a bad one is refused with file and
            line, and the node goes on as it was.
            """)

    @Option(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Option(help: "Which of its nodes to run.")
    var node: String

    @OptionGroup var logging: LogOptions

    func run() throws {
        let source = TopologySource(path: topology)
        let reading = try source.read()
        do throws(Fault) {
            try Gateway(
                reading.topology, node: node, source: source, digest: reading.digest,
                log: logging.logger(node)
            ).run()
        } catch {
            throw Failure(error)
        }
    }
}
