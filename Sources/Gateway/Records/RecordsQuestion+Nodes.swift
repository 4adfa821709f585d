import Ground
import Records
import Telemetry
import Wire

/// What nodes below measured, what they said of themselves, and what was done to what is kept.
extension RecordsQuestion {
    /// Minutes that one answer adds up: a month of one node, an hour of eight hundred; some seconds
    /// of work.
    static let mostMinutes = 50_000
    private static let auditLimit = 100
    private static let auditLimitMost = 1_000

    func telemetry() throws(Fault) -> TelemetryReply {
        let query = try TelemetryQuery.decode(bytes)
        var wanted = NoteQuery(.telemetry)
        (wanted.from, wanted.until) = (query.from, query.until)
        (wanted.site, wanted.node) = (query.site, query.node)
        var sums = TelemetrySums(task: query.task)
        var reply = TelemetryReply()
        reply.damaged = try store.notes(wanted) { note in
            guard reply.minutes < Self.mostMinutes else {
                reply.isCut = true
                return false
            }
            guard case .telemetry(let minute)? = try? OwedRecord.decode(Bytes(note.body)).body
            else { return true }
            reply.minutes += 1
            sums.add(minute, of: note.origin)
            return true
        }
        reply.series = sums.series
        return reply
    }

    func nodes() throws(Fault) -> NodesReply {
        let query = try NodesQuery.decode(bytes)
        let known = try store.nodes(
            site: query.site, node: query.node, from: query.from, until: query.until)
        return NodesReply(nodes: known.map(NodesReply.Known.init))
    }

    func audit() throws(Fault) -> AuditReply {
        let query = try AuditQuery.decode(bytes)
        let limit = query.limit == 0 ? Self.auditLimit : query.limit
        guard limit <= Self.auditLimitMost else {
            throw Fault(
                .invalid, "\(limit) audit entries at once", source: .client,
                remedy: "ask for at most \(Self.auditLimitMost), and go on from `next`")
        }
        var wanted = NoteQuery(.audit)
        (wanted.from, wanted.until) = (query.from, query.until)
        if !query.after.isEmpty {
            guard let place = RecordQuery.Cursor(text: query.after) else {
                throw Fault(
                    .invalid, "“\(query.after.prefix(60))” is no place in the audit entries",
                    source: .client, remedy: "give `next` of the answer before, or nothing")
            }
            wanted.after = place
        }
        var reply = AuditReply(entries: [], next: "")
        var last: Note?
        _ = try store.notes(wanted) { note in
            if reply.entries.count == limit, let last {
                reply.next = RecordQuery.Cursor(at: last.at, row: last.row).text
                return false
            }
            last = note
            reply.entries.append(AuditReply.Entry(note))
            return true
        }
        return reply
    }
}

extension NodesReply.Known {
    init(_ node: KnownNode) {
        var unknown = NodeReport()
        (unknown.site, unknown.node) = (node.site, node.node)
        let known = node.report.flatMap { try? NodeReport.decode(Bytes($0)) }
        // What lasted when a node was killed it cannot end: it begins anew when it starts.
        let started = known.map { $0.at - $0.uptime } ?? WallTime(nanoseconds: .min)
        self.init(
            report: known ?? unknown, heard: node.heard,
            incidents: node.incidents.map { one in
                let isCutShort = one.ended == nil && one.began < started
                return Incident(
                    kind: one.kind, subject: one.subject, began: one.began,
                    ended: isCutShort ? started : one.ended,
                    words: one.words)
            })
    }
}

/// Minutes of nodes, added up by site, node and task.
struct TelemetrySums {
    private struct Key: Hashable, Comparable {
        let site: String
        let node: String
        let task: String

        static func < (a: Key, b: Key) -> Bool {
            (a.site, a.node, a.task) < (b.site, b.node, b.task)
        }
    }

    private struct Sum {
        var latency = Sketch()
        var counts: [String: Int] = [:]

        /// Stays at the largest number: what nodes below say may be any.
        mutating func add(_ count: Int, to name: String) {
            counts[name] = counts[name, default: 0].saturatingSum(count)
        }
    }

    /// The only one that counts; all when empty.
    private let task: String
    private var sums: [Key: Sum] = [:]

    init(task: String) { self.task = task }

    mutating func add(_ minute: TelemetryRecord, of origin: Records.Origin) {
        func key(_ task: Substring) -> Key? {
            guard self.task.isEmpty || task == self.task else { return nil }
            return Key(site: origin.site, node: origin.node, task: String(task))
        }
        for latency in minute.latencies {
            // What is no sketch is left out; its counts are there all the same.
            guard let key = key(latency.name[...]), let sketch = latency.sketch else { continue }
            sums[key, default: Sum()].latency.merge(sketch)
        }
        for count in minute.counts {
            let words = count.name.split(separator: "/", maxSplits: 1)
            guard words.count == 2, let key = key(words[0]) else { continue }
            sums[key, default: Sum()].add(count.count, to: String(words[1]))
        }
    }

    var series: [TelemetryReply.Series] {
        sums.sorted { $0.key < $1.key }.map { key, sum in
            TelemetryReply.Series(
                site: key.site, node: key.node,
                latency: TelemetryRecord.Latencies(name: key.task, sum.latency),
                counts: sum.counts.sorted { $0.key < $1.key }.map { NamedCount($0.key, $0.value) })
        }
    }
}

extension AuditReply.Entry {
    /// An entry as it is kept: what the store itself did, or what a node below says.
    init(_ note: Note) {
        self.init()
        (site, node, at) = (note.origin.site, note.origin.node, note.at)
        if let purged = Purged(entry: note.body) {
            (who, action, subject) = (node, "purge", purged.kind)
            words = "\(purged.count) for their \(purged.reason == .term ? "age" : "room")"
            if purged.bytes > 0 { words += ", \(purged.bytes) bytes" }
            if purged.undelivered > 0 {
                words += ", \(purged.undelivered) of which a larger store had not taken"
            }
            return
        }
        guard case .audit(let entry)? = try? OwedRecord.decode(Bytes(note.body)).body else {
            action = "unreadable"
            return
        }
        (who, action, subject, words) = (entry.who, entry.action, entry.subject, entry.words)
    }
}
