import ArgumentParser
import CanopyClient
import Ground
import Topology
import Wire

/// `canopy records`: what a hub has kept of what arrived.
struct RecordsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "records",
        abstract: "Show the records that a regional or cloud node has kept.",
        discussion: """
            One line a frame, newest first: the best answer that anybody gave. A node keeps \
            records where the topology says `records:`. Needs the certificate of a role whose \
            verbs have records.

              canopy records fleet.yaml --from 6h --tier leaf --max-confidence 0.6
              canopy records fleet.yaml --truth wrong --csv --limit 100000 > wrong.csv
              canopy records fleet.yaml --stats
              canopy records fleet.yaml --telemetry --from 1h --task meter-digits
              canopy records fleet.yaml --nodes
              canopy records fleet.yaml --audit
            """)

    @Argument(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Option(help: "Taken at or after: \(TimeArgument.help).")
    var from: TimeArgument?

    @Option(help: "Taken before.")
    var until: TimeArgument?

    @Option(help: "Of this site.")
    var site = ""

    @Option(help: "Answered by this node.")
    var by = ""

    @Option(help: "Of this task.")
    var task = ""

    @Option(help: "Of this camera.")
    var stream = ""

    @Option(help: "Answered with this label.")
    var label = ""

    @Option(help: "Answered by a node of this tier: leaf, regional or cloud.")
    var tier = ""

    @Option(help: "With at least this calibrated confidence.")
    var minConfidence: Double?

    @Option(help: "With at most this calibrated confidence.")
    var maxConfidence: Double?

    @Option(help: "By the true label: labelled, unlabelled or wrong.")
    var truth = ""

    @Flag(help: "Also the answers that a better one about the same frame outranks.")
    var losers = false

    @Flag(help: "Only frames whose picture is kept.")
    var withFrame = false

    @Option(help: "At most so many lines.")
    var limit = 100

    @Flag(help: "One JSON object a line.")
    var json = false

    @Flag(help: "Comma-separated values, RFC 4180.")
    var csv = false

    @Flag(help: "How much is kept, of whom, and how right the bundles were.")
    var stats = false

    @Flag(help: "How fast the nodes below answered, each and all together.")
    var telemetry = false

    @Flag(help: "What the nodes below said of themselves last, and what was wrong with them.")
    var nodes = false

    @Flag(help: "What was done to what is kept: what was purged, and why.")
    var audit = false

    @OptionGroup var keeper: Keeper

    /// Lines that are asked for at a time.
    private static let page = 1000

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
        if json && csv { throw ValidationError("--json and --csv do not go together") }
        let views = [stats, telemetry, nodes, audit].filter(\.self).count
        if views > 1 {
            throw ValidationError("say one of --stats, --telemetry, --nodes and --audit")
        }
        if views == 1 && csv { throw ValidationError("--csv is for records alone") }
    }

    func run() async throws {
        let patience = keeper.who.patience
        if stats {
            let request = RecordStatsRequest(task: task)
            return try await keeper.ask(topology) { (client, node) throws(Fault) in
                let reply = try await client.recordStats(request, of: node, timeout: patience)
                print(json ? reply.json.line : RecordTables.stats(reply))
            }
        }
        try await keeper.ask(topology) { (client, node) throws(Fault) in
            if telemetry { return try await showTelemetry(client, node, patience) }
            if nodes { return try await showNodes(client, node, patience) }
            if audit { return try await showAudit(client, node, patience) }
            try await list(client, node, patience)
        }
    }

    /// Page after page. A table needs all its lines before the first, to know their widths.
    private func list(
        _ client: ControlClient, _ node: ControlClient.Target, _ patience: Interval
    ) async throws(Fault) {
        var query = question
        var left = limit
        var table: [StoredRecord] = []
        var damaged = 0
        if csv { Console.show(RecordColumnsText.header) }
        repeat {
            query.limit = min(left, Self.page)
            let page = try await client.records(query, of: node, timeout: patience)
            if csv {
                Console.show(page.records.map(RecordColumnsText.line).joined())
            } else if json {
                Console.show(page.records.map { $0.json.line + "\n" }.joined())
            } else {
                table += page.records
            }
            damaged += page.damaged
            left -= page.records.count + page.damaged
            query.after = page.next
        } while left > 0 && !query.after.isEmpty
        if !csv && !json { print(RecordTables.records(table)) }
        if damaged > 0 {
            Console.error("\(damaged) records are left out: the disk of \(node.name) changed them")
        }
        if !csv && !json && !query.after.isEmpty {
            Console.error("there are more; say --limit, or ask for less")
        }
    }

    private var question: RecordsQuery {
        var query = RecordsQuery()
        query.from = from?.time ?? query.from
        query.until = until?.time ?? query.until
        (query.site, query.node, query.task, query.stream) = (site, by, task, stream)
        (query.label, query.tier, query.truth) = (label, tier, truth)
        (query.leastConfidence, query.mostConfidence) = (minConfidence, maxConfidence)
        (query.losers, query.withFrame) = (losers, withFrame)
        return query
    }
}
