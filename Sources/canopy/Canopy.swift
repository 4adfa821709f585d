import ArgumentParser

@main
struct Canopy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "canopy",
        abstract: "A hierarchical tiered inference gateway for cameras and sensors.")
}
