public import ArgumentParser
import CanopyClient
import Ground
import Topology
public import Wire

/// `canopy receipts`: what a node has promised, and what became of it.
struct ReceiptsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receipts",
        abstract: "Show the receipts of frames that a node still owes an answer, or owed one.",
        discussion: """
            A frame that could not be sent up when it came is answered by the leaf at once, less \
            surely, with a receipt (`canopy.receipt`). The better answer follows when the link is \
            back; it is found under the receipt, here and by GET /v2/receipts/ID, also after the \
            node was started again.

              open      the frame waits on the node's disk
              settled   a node above has answered it
              failed    it was dropped for want of room, or nobody above can answer it

              canopy receipts fleet.yaml                        the newest, and how many
              canopy receipts fleet.yaml --state open --json    one JSON object a receipt
              canopy receipts fleet.yaml 8f01c3e2a9b4d7f6 --wait 60s
              canopy receipts fleet.yaml --wait 10m && echo nothing is owed any more

            Exit status 0, but 1 when the receipt that was asked for is not settled, and when \
            --wait ends with receipts that are open.
            """)

    @Argument(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Argument(help: "Only this receipt, as `canopy.receipt` said it.")
    var receipt = ""

    @Option(help: "The node that gave it; needed where several keep what they owe.")
    var node: String?

    @Option(help: "Only those that are open, settled or failed.")
    var state: ReceiptState?

    @Option(help: "At most so many lines.")
    var limit = 100

    @Option(help: "Wait until nothing is open any more, at most so long: 30s, 10m or 2h.")
    var wait: String?

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup var who: OperatorOptions

    /// Between two looks: a person sees no delay, a node no load.
    private static let pause = Duration.milliseconds(250)
    /// Lines that are asked for at a time.
    private static let page = 1000

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
        if !receipt.isEmpty && state != nil {
            throw ValidationError("--state is for lists: a receipt is shown in whatever state")
        }
        _ = try patience()
    }

    func run() async throws {
        let (fleet, patience) = (try TopologyArgument.read(topology), try patience())
        let isSettled: Bool
        do throws(Fault) {
            let target = try ControlClient.Target(Self.plan(fleet, node))
            let client = try who.connect(fleet)
            defer { client.close() }
            isSettled = try await show(client, target, patience)
        } catch {
            throw Failure(error)
        }
        if !isSettled { throw ExitCode.failure }
    }

    private func patience() throws -> Duration {
        guard let wait else { return .zero }
        let units = ["s": 1, "m": 60, "h": 3600]
        guard let unit = units[String(wait.suffix(1))], let count = Int(wait.dropLast()),
            (0...86_400).contains(count), count * unit <= 86_400
        else { throw ValidationError("--wait is '\(wait)'; write 30s, 10m or 2h, at most 24h") }
        return .seconds(count * unit)
    }

    /// - Returns: whether all is as whoever asks would have it.
    private func show(
        _ client: ControlClient, _ target: ControlClient.Target, _ patience: Duration
    ) async throws(Fault) -> Bool {
        let end = ContinuousClock.now.advanced(by: patience)
        var first = try await client.receipts(question(0), of: target, timeout: who.patience)
        while isOpen(first), ContinuousClock.now < end {
            try? await Task.sleep(for: Self.pause)
            first = try await client.receipts(question(0), of: target, timeout: who.patience)
        }
        let found = try await rest(of: first, client, target)
        if json {
            Console.show(found.map { $0.json.line + "\n" }.joined())
        } else {
            print(ReceiptTable.text(found, first, isList: receipt.isEmpty))
        }
        guard receipt.isEmpty else { return found.first?.state == .settled }
        return wait == nil || !isOpen(first)
    }

    private func isOpen(_ page: ReceiptsPage) -> Bool {
        receipt.isEmpty ? page.open > 0 : page.receipts.first?.state == .open
    }

    private func rest(
        of first: ReceiptsPage, _ client: ControlClient, _ target: ControlClient.Target
    ) async throws(Fault) -> [ReceiptStatus] {
        var found = first.receipts
        var next = first.next
        while next != 0, found.count < limit {
            let page = try await client.receipts(
                question(next), of: target, timeout: who.patience)
            found += page.receipts
            next = page.next
        }
        return Array(found.prefix(limit))
    }

    private func question(_ before: UInt64) -> ReceiptsQuery {
        ReceiptsQuery(
            receipt: receipt, state: state, before: before, limit: min(limit, Self.page))
    }

    /// The plan of the node of this name, or of the only one that keeps what it owes.
    private static func plan(_ fleet: Topology, _ node: String?) throws(Fault) -> NodePlan {
        if let node {
            if let found = fleet.node(named: node) { return found }
            let names = fleet.nodes.map(\.name).joined(separator: ", ")
            throw Fault(.notFound, "there is no node '\(node)'", remedy: "there are \(names)")
        }
        let owing = fleet.nodes.filter { fleet.hub(of: $0) != nil }
        guard let only = owing.first else {
            throw Fault(
                .notFound, "no node of the topology keeps what it owes",
                remedy: "give leaves `budget: { spool: … }`")
        }
        guard owing.count == 1 else {
            let names = owing.map(\.name).joined(separator: ", ")
            throw Fault(
                .invalid, "several nodes keep what they owe: \(names)", remedy: "say --node NAME")
        }
        return only
    }
}

extension ReceiptState: ExpressibleByArgument {}
