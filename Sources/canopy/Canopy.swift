import ArgumentParser
import Gateway

@main
struct Canopy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "canopy",
        abstract: "A hierarchical tiered inference gateway for cameras and sensors.",
        discussion: """
            A leaf node next to the cameras answers frames with a small model; what it is unsure \
            of escalates to a regional node and last to the cloud. One topology file says which \
            nodes, tasks and models there are.

              canopy check Topology/demo.yaml         is the file right?
              canopy simulate Topology/demo.yaml      what would an edit or an outage do?
              canopy cert init --folder Topology/certificates    an authority
              canopy up Topology/demo.yaml            every node of it on this machine
              canopy send --to 127.0.0.1:8480 --plain --task meter-digits --image frame.jpg
              canopy status Topology/demo.yaml --watch
              canopy records fleet.yaml --label 7     what was answered
            """,
        version: Version.text,
        subcommands: [
            Serve.self, Up.self, Send.self, Check.self, Simulate.self, ReplayCommand.self,
            Status.self, Drain.self, Undrain.self, BreakerCommand.self, Reload.self,
            ReceiptsCommand.self, RecordsCommand.self, Label.self, Explain.self, Export.self,
            ModelCommand.self, Cert.self, Engine.self,
        ])
}
