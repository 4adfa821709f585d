import ArgumentParser
import CanopyClient
import Ground
import Wire

/// `canopy reload`: let a node read its topology again.
struct Reload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let a node read its topology again, and say what came of it.",
        discussion: """
            A node notices a changed file by itself; this is for folders that it cannot watch, and \
            for scripts that want the answer. The node reads its own files, not the one given \
            here. Exit status 1 when it refuses them; it then goes on as it was.
            """)

    @OptionGroup var choice: NodeChoice

    func run() async throws {
        let patience = choice.who.patience
        var isRefused = false
        try await choice.ask { (client, node) throws(Fault) in
            let reply = try await client.reload(node, timeout: patience)
            isRefused = reply.outcome == "refused"
            print("\(reply.node): \(reply.outcome) (topology \(reply.topology.prefix(12)))")
            for line in reply.lines { print("  \(line)") }
        }
        if isRefused { throw ExitCode.failure }
    }
}
