import ArgumentParser
import CanopyClient
import Ground
import Wire

/// `canopy drain`: empty a node, for maintenance.
struct Drain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let a node take no new frames; what it has is answered.",
        discussion: """
            The node stays up and answers health checks as not ready, so that clients and other \
            nodes go elsewhere. `canopy undrain` lets it take frames again; a restart does too.

              canopy drain region --topology Topology/demo.yaml --wait
            """)

    @OptionGroup var choice: NodeChoice

    @Flag(help: "Return when no frame is under way any more.")
    var wait = false

    func run() async throws {
        let wait = wait
        let patience = choice.who.patience
        try await choice.ask { (client, node) throws(Fault) in
            let reply = try await client.drain(node, timeout: patience)
            var left = reply.frames
            while wait && left > 0 {
                print("\(reply.node): \(left) frames are under way")
                // Often enough to notice the end, seldom enough to read the lines.
                try? await Task.sleep(for: .milliseconds(500))
                left = try await client.status(of: node, timeout: patience).frames
            }
            let how = reply.changed ? "drains now" : "was draining already"
            print("\(reply.node) \(how); \(left) frames are under way")
        }
    }
}

/// `canopy undrain`: let a drained node take frames again.
struct Undrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let a drained node take frames again.")

    @OptionGroup var choice: NodeChoice

    func run() async throws {
        let patience = choice.who.patience
        try await choice.ask { (client, node) throws(Fault) in
            let reply = try await client.drain(node, false, timeout: patience)
            print("\(reply.node) \(reply.changed ? "takes frames again" : "was not draining")")
        }
    }
}
