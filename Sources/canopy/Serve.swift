import ArgumentParser
import Gateway
import Ground

/// `canopy serve`: one node.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run one node of a topology.",
        discussion: """
            The node answers on every listener that the topology gives it, until SIGTERM or \
            SIGINT:
            then it takes nothing new, answers what it has and ends with status 0.

            When the topology's files change, or on SIGHUP, it reads them again. A good edit is in \
            force from the next frame on, and no frame is lost; a bad one is refused with file and \
            line, and the node goes on as it was.

            With --record, each start has a folder of its own, NODE-NUMBER; those of the last four \
            starts are kept. A disk that is slow or full ends the recording and never the node.
            """)

    @Option(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Option(help: "Which of its nodes to run.")
    var node: String

    @Option(help: "Write down what the node hears and does, in this folder: see `canopy replay`.")
    var record: String?

    @Option(help: "The most that a recording takes, in MiB for each loop; it ends there.")
    var recordLimit = Recording.usualLimit >> 20

    @OptionGroup var logging: LogOptions

    func validate() throws {
        let most = Recording.mostLimit >> 20
        guard (1...most).contains(recordLimit) else {
            throw ValidationError("--record-limit wants a number from 1 to \(most)")
        }
    }

    func run() throws {
        let source = TopologySource(path: topology)
        let reading = try source.read()
        do throws(Fault) {
            let recording = try record.map { (folder) throws(Fault) in
                try Recording(of: node, in: folder, limit: recordLimit << 20, reading)
            }
            try Gateway(
                reading.topology, node: node, source: source, digest: reading.digest,
                recording: recording, log: logging.logger(node)
            ).run()
        } catch {
            throw Failure(error)
        }
    }
}
