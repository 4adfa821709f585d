import ArgumentParser

/// Runs the simulator at scale: over many made-up worlds, or as fast as it goes over one.
@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Look for seeds that break a promise, and measure the simulator.",
        subcommands: [Seeds.self, Speed.self, Disks.self, Offline.self],
        defaultSubcommand: Seeds.self)
}
