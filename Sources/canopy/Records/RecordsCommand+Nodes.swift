import CanopyClient
import Ground
import Telemetry
import Wire

/// The views of what nodes below say of themselves, and of what was done to what is kept.
extension RecordsCommand {
    /// Audit entries that are asked for at a time.
    private static let auditPage = 1000

    func showTelemetry(
        _ client: ControlClient, _ node: ControlClient.Target, _ patience: Interval
    ) async throws(Fault) {
        var query = TelemetryQuery()
        (query.from, query.until) = (from?.time, until?.time)
        (query.site, query.node, query.task) = (site, by, task)
        let reply = try await client.telemetry(query, of: node, timeout: patience)
        let lines = try reply.series.map { (one) throws(Fault) in try TelemetryLine(one) }
        let all = TelemetryLine.fleets(lines)
        if json {
            for line in lines + all { Console.show(line.json.line + "\n") }
        } else {
            print(RecordTables.telemetry(lines, all))
        }
        if reply.damaged > 0 {
            Console.error(
                "\(reply.damaged) minutes are left out: the disk of \(node.name) changed them")
        }
        if reply.isCut {
            Console.error(
                "the newest \(reply.minutes) minutes are told; say --from, --site or --by for less")
        }
    }

    func showNodes(
        _ client: ControlClient, _ node: ControlClient.Target, _ patience: Interval
    ) async throws(Fault) {
        var query = NodesQuery()
        (query.from, query.until) = (from?.time, until?.time)
        (query.site, query.node) = (site, by)
        let reply = try await client.knownNodes(query, of: node, timeout: patience)
        if json {
            for one in reply.nodes { Console.show(one.json.line + "\n") }
        } else {
            print(RecordTables.nodes(reply.nodes))
        }
    }

    /// Entry after entry, the newest first.
    func showAudit(
        _ client: ControlClient, _ node: ControlClient.Target, _ patience: Interval
    ) async throws(Fault) {
        var query = AuditQuery()
        (query.from, query.until) = (from?.time, until?.time)
        var table: [AuditReply.Entry] = []
        var left = limit
        repeat {
            query.limit = min(left, Self.auditPage)
            let reply = try await client.audit(query, of: node, timeout: patience)
            if json {
                for entry in reply.entries { Console.show(entry.json.line + "\n") }
            } else {
                table += reply.entries
            }
            left -= reply.entries.count
            query.after = reply.next
        } while left > 0 && !query.after.isEmpty
        if !json { print(RecordTables.audit(table)) }
        if !json && !query.after.isEmpty { Console.error("there are more; say --limit") }
    }
}

/// How fast one task was answered at one node, or at all of them.
struct TelemetryLine {
    /// Quantiles that are told.
    static let quantiles: [(name: String, value: Double)] = [
        ("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99),
    ]

    let site: String
    /// `nil` for all nodes together.
    let node: String?
    let task: String
    var latency: Sketch
    var counts: [String: Int]

    /// - Throws: `corrupt` when what came is no sketch.
    init(_ series: TelemetryReply.Series) throws(Fault) {
        guard let sketch = series.latency.sketch else {
            throw Fault(
                .corrupt, "the latencies of \(series.node) are no sketch", source: .peer,
                remedy: "upgrade this program")
        }
        (site, node, task) = (series.site, series.node, series.latency.name)
        latency = sketch
        counts = [:]
        for count in series.counts { counts[count.name] = count.count }
    }

    private init(task: String) {
        (site, node, self.task) = ("", nil, task)
        (latency, counts) = (Sketch(), [:])
    }

    /// One line a task: all nodes' values as if one had measured them.
    static func fleets(_ lines: [TelemetryLine]) -> [TelemetryLine] {
        var all: [TelemetryLine] = []
        for line in lines {
            if !all.contains(where: { $0.task == line.task }) { all.append(.init(task: line.task)) }
            let index = all.firstIndex { $0.task == line.task } ?? 0
            all[index].latency.merge(line.latency)
            all[index].counts.merge(line.counts) { $0 + $1 }
        }
        return all
    }

    /// A quantile in milliseconds; `nil` when nothing was answered.
    func milliseconds(_ quantile: Double) -> Double? {
        latency.quantile(quantile).map { Double($0) / 1e6 }
    }

    var json: JSON {
        var members: [String: JSON] = [
            "site": .string(site), "node": node.map(JSON.string) ?? .null, "task": .string(task),
            "answers": .integer(Int(clamping: latency.count)),
            "counts": .object(counts.mapValues { .integer($0) }),
        ]
        for (name, quantile) in Self.quantiles {
            members["\(name)_ms"] = milliseconds(quantile).map(JSON.real) ?? .null
        }
        members["max_ms"] = milliseconds(1).map(JSON.real) ?? .null
        return .object(members)
    }
}

extension RecordTables {
    static func telemetry(_ lines: [TelemetryLine], _ all: [TelemetryLine]) -> String {
        guard !lines.isEmpty else { return "no telemetry" }
        let header =
            ["TASK", "NODE", "SITE", "ANSWERS"]
            + TelemetryLine.quantiles.map { $0.name.uppercased() }
            + ["MAX", "DEGRADED", "REFUSED"]
        let rows = (lines + all).map { line -> [String] in
            func sum(_ prefix: String) -> String {
                let total = line.counts.filter { $0.key.hasPrefix(prefix) }.values.reduce(0, +)
                return total == 0 ? "" : "\(total)"
            }
            let times = (TelemetryLine.quantiles.map(\.value) + [1]).map { quantile in
                line.milliseconds(quantile).map { "\(number($0)) ms" } ?? ""
            }
            return [line.task, line.node ?? "all", line.site, "\(line.latency.count)"] + times
                + [sum("degraded/"), sum("refused/")]
        }
        return grid(header, rows)
    }

    static func nodes(_ nodes: [NodesReply.Known]) -> String {
        guard !nodes.isEmpty else { return "no node has reported" }
        let known = nodes.map { one -> [String] in
            let (report, depths) = (one.report, one.report.depths)
            let owes = depths.filter { $0.records > 0 }.map { "\($0.records) \($0.queue.name)" }
            let dropped = depths.reduce(0) { $0 + $1.dropped }
            return [
                report.node, report.site, report.version, report.ready ? "ready" : "not ready",
                Length.text(report.uptime), TimeText.text(one.heard),
                owes.joined(separator: ", "), dropped == 0 ? "" : "\(dropped)",
            ]
        }
        let incidents = nodes.flatMap { one in
            one.incidents.map { incident in
                [
                    one.report.node, incident.kind, incident.subject,
                    TimeText.text(incident.began), incident.ended.map(TimeText.text) ?? "lasts",
                    incident.words,
                ]
            }
        }
        let tables = [
            grid(
                ["NODE", "SITE", "VERSION", "STATE", "UP", "REPORTED", "OWED THEN", "DROPPED"],
                known),
            grid(["NODE", "INCIDENT", "SUBJECT", "BEGAN", "ENDED", ""], incidents),
        ]
        return tables.filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    static func audit(_ entries: [AuditReply.Entry]) -> String {
        guard !entries.isEmpty else { return "no audit entries" }
        return grid(
            ["AT", "NODE", "WHO", "DID", "TO", ""],
            entries.map { one in
                [TimeText.text(one.at), one.node, one.who, one.action, one.subject, one.words]
            })
    }
}

extension NodesReply.Known {
    /// As `canopy records --nodes --json` prints it; times are nanoseconds since 1970.
    var json: JSON {
        .object([
            "node": .string(report.node), "site": .string(report.site),
            "version": .string(report.version), "ready": .bool(report.ready),
            "uptime_us": .integer(Int(report.uptime.nanoseconds / 1000)),
            "topology": .string(report.topology), "epoch": .string(String(report.epoch, radix: 16)),
            "at": .integer(Int(report.at.nanoseconds)), "heard": .integer(Int(heard.nanoseconds)),
            "depths": .array(
                report.depths.map { depth in
                    .object([
                        "queue": .string(depth.queue.name),
                        "first": .integer(Int(clamping: depth.first)),
                        "next": .integer(Int(clamping: depth.next)),
                        "records": .integer(Int(clamping: depth.records)),
                        "bytes": .integer(Int(clamping: depth.bytes)),
                        "dropped": .integer(Int(clamping: depth.dropped)),
                    ])
                }),
            "incidents": .array(
                incidents.map { one in
                    .object([
                        "kind": .string(one.kind), "subject": .string(one.subject),
                        "began": .integer(Int(one.began.nanoseconds)),
                        "ended": one.ended.map { .integer(Int($0.nanoseconds)) } ?? .null,
                        "words": .string(one.words),
                    ])
                }),
        ])
    }
}

extension AuditReply.Entry {
    /// As `canopy records --audit --json` prints it.
    var json: JSON {
        .object([
            "site": .string(site), "node": .string(node), "at": .integer(Int(at.nanoseconds)),
            "who": .string(who), "action": .string(action), "subject": .string(subject),
            "words": .string(words),
        ])
    }
}
