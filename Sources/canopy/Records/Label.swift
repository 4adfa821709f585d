import ArgumentParser
import CanopyClient
import Ground
import Wire

/// `canopy label`: what an answer should have been.
struct Label: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Attach a true label to a frame.",
        discussion: """
            The label counts for the accuracy of every bundle that answered the frame (`canopy \
            records --stats`). A later label takes an earlier one's place. A label for a request \
            that has not arrived yet waits for it.

              canopy label fleet.yaml 7 --record 8c1f02a9
              canopy label fleet.yaml 7 --request cam-1-000042 --task meter-digits
            """)

    @Argument(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Argument(help: "What the answer should have been.")
    var label: String

    @Option(help: "The record's id, or the first of its digits: six at least.")
    var record = ""

    @Option(help: "The `id` of the client's request.")
    var request = ""

    @Option(help: "The task, with --request.")
    var task = ""

    @OptionGroup var keeper: Keeper

    func validate() throws {
        guard record.isEmpty != request.isEmpty else {
            throw ValidationError("give --record, or --request and --task")
        }
        guard request.isEmpty == task.isEmpty else {
            throw ValidationError("--request and --task go together")
        }
    }

    func run() async throws {
        var order = LabelRequest()
        (order.record, order.request, order.task) = (record, request, task)
        order.label = label
        let (request, patience) = (order, keeper.who.patience)
        try await keeper.ask(topology) { (client, node) throws(Fault) in
            let reply = try await client.label(request, at: node, timeout: patience)
            if !reply.known {
                print("\(node.name) has no such frame yet; the label waits for it")
            }
            for record in reply.records { print("\(record) should be “\(request.label)”") }
        }
    }
}
