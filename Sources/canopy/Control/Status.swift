import ArgumentParser
import CanopyClient
import Ground
import Topology
import Wire

/// `canopy status`: how all nodes of a topology are.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask every node of a topology how it is, and show a table.",
        discussion: """
            Nodes: whether they are ready, drain, or cannot be reached and why, and which topology \
            they follow. Tasks: what answers on each node, its bar, and whether the task is \
            fail-closed or fail-safe. Peers: breakers, overrides, round trips. Classes: who is let \
            in, and who was not.

              canopy status Topology/demo.yaml
              canopy status Topology/demo.yaml --watch --node leaf
              canopy status Topology/demo.yaml --json

            Exit status 0 when every node answered, 1 otherwise.
            """)

    @Argument(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Option(help: "Only this node; may be repeated.")
    var node: [String] = []

    @Flag(help: "Ask again every second, until Ctrl-C.")
    var watch = false

    @Flag(help: "Print one JSON object for all nodes, on one line.")
    var json = false

    @OptionGroup var who: OperatorOptions

    /// Nodes that are asked at a time: sockets of a shell are few, often 1024.
    private static let atOnce = 64

    func run() async throws {
        let fleet = try TopologyArgument.read(topology)
        let plans = try chosen(fleet)
        let client: ControlClient
        do throws(Fault) {
            client = try who.connect(fleet)
        } catch {
            throw Failure(error)
        }
        defer { client.close() }
        var answers = await ask(plans, client)
        show(answers)
        while watch {
            try await Task.sleep(for: .seconds(1))
            answers = await ask(plans, client)
            show(answers)
        }
        if answers.contains(where: { $0.status == nil }) { throw ExitCode.failure }
    }

    private func chosen(_ fleet: Topology) throws -> [NodePlan] {
        let own = fleet.nodes.filter { $0.speaks == .canopy }
        for name in node where !own.contains(where: { $0.name == name }) {
            throw ValidationError("there is no node '\(name)'; there are \(own.map(\.name))")
        }
        return node.isEmpty ? own : own.filter { node.contains($0.name) }
    }

    /// The answers in the order of the nodes, leaf first.
    private func ask(_ plans: [NodePlan], _ client: ControlClient) async -> [NodeAnswer] {
        let patience = who.patience
        return await withTaskGroup(of: NodeAnswer.self) { group in
            var answers: [NodeAnswer] = []
            for (index, plan) in plans.enumerated() {
                if index >= Self.atOnce, let answer = await group.next() { answers.append(answer) }
                group.addTask { await NodeAnswer(plan, client, patience) }
            }
            for await answer in group { answers.append(answer) }
            return answers.sorted { ($0.tier, $0.name) < ($1.tier, $1.name) }
        }
    }

    private func show(_ answers: [NodeAnswer]) {
        if json { return print(JSON.object(["nodes": .array(answers.map(\.json))]).line) }
        let table = StatusTable(answers, colours: Console.isTerminal).text
        // Home, the table line by line, then whatever was below it before: nothing flickers.
        guard watch && Console.isTerminal else { return print(table) }
        let lines = table.split(separator: "\n", omittingEmptySubsequences: false)
        Console.show("\u{1B}[H" + lines.map { "\($0)\u{1B}[K\n" }.joined() + "\u{1B}[J")
    }
}

/// What one node said, or why it said nothing.
struct NodeAnswer: Sendable {
    let name: String
    let tier: Tier
    let status: NodeStatus?
    let why: String

    init(_ plan: NodePlan, _ client: ControlClient, _ patience: Interval) async {
        name = plan.name
        tier = plan.tier
        do throws(Fault) {
            status = try await client.status(of: ControlClient.Target(plan), timeout: patience)
            why = ""
        } catch {
            status = nil
            why = error.description
        }
    }
}
