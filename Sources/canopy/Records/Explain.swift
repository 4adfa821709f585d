import ArgumentParser
import CanopyClient
import Ground
import Wire

/// `canopy explain`: why something is as it is.
struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say why something is as it is.", subcommands: [ExplainRecord.self])
}

/// `canopy explain record`: which answers came about one frame, and why one of them counts.
struct ExplainRecord: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Say which answers came about one frame, and why one of them counts.",
        discussion: """
              canopy explain record 8c1f02a9 --topology fleet.yaml
            """)

    @Argument(help: "The record's id, or the first of its digits: six at least.")
    var record: String

    @Option(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var keeper: Keeper

    func run() async throws {
        let (record, json, patience) = (record, json, keeper.who.patience)
        try await keeper.ask(topology) { (client, node) throws(Fault) in
            let answer = try await client.explain(record: record, at: node, timeout: patience)
            guard json else {
                print("record \(answer.id)")
                return print(answer.lines.map { "  \($0)" }.joined(separator: "\n"))
            }
            let object = JSON.object([
                "record": .string(answer.id), "lines": .array(answer.lines.map(JSON.string)),
                "answers": .array(answer.answers.map(\.json)),
            ])
            print(object.line)
        }
    }
}
