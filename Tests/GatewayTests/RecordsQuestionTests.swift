import Ground
import Records
import Storage
import Telemetry
import Testing
import Wire

@testable import Gateway

/// What canopy.v1.Records answers, from the bytes that come to the bytes that go.
@Suite struct RecordsQuestionTests {
    private static let now = WallTime(nanoseconds: 1_700_000_000_000_000_000)
    private let folder = "/tmp/canopy-question-\(UInt64.random(in: .min ... .max))"
    private let store: RecordStore

    init() throws {
        store = try RecordStore(folder: folder, settings: RecordSettings(node: "region")) { _ in }
        let origin = Records.Origin(site: "mill", node: "leaf", epoch: 1, queue: .result)
        let records = (1...3).map { number -> Owed in
            var answer = Answer(
                task: "digits", frame: FrameName(stream: "cam", sequence: UInt64(number)),
                tier: number == 3 ? .regional : .leaf, node: "leaf", label: "\(number)",
                confidence: 0.25 * Double(number), answeredAt: Self.now)
            answer.request = "r-\(number)"
            return Owed(sequence: UInt64(number), at: Self.now, clock: 1, .result(answer))
        }
        let batch = try Delivery(origin: origin, first: 1, last: 3, records: records)
        _ = try store.ingest(batch, now: Self.now)
    }

    private func ask<Answer: WireMessage>(
        _ method: RecordsMethod, _ message: some WireMessage
    ) throws -> Answer {
        let bytes = message.encode().flatMap(\.array)
        let question = RecordsQuestion(
            method: method, bytes: Bytes(bytes), store: store, node: "region",
            who: "role operator", now: Self.now)
        return try Answer.decode(Bytes(question.answer().flatMap(\.array)))
    }

    @Test func `A query is answered page by page`() throws {
        defer { try? FileDisk().removeFolder(folder) }
        var query = RecordsQuery()
        query.limit = 2
        let first: RecordsPage = try ask(.query, query)
        query.after = first.next
        let second: RecordsPage = try ask(.query, query)
        #expect(first.records.map(\.label) == ["3", "2"] && second.records.map(\.label) == ["1"])
        #expect(second.next.isEmpty)
        #expect(first.records[0].tier == "regional" && first.records[0].confidence == 0.75)
        var narrow = RecordsQuery()
        (narrow.tier, narrow.leastConfidence) = ("leaf", 0.5)
        let found: RecordsPage = try ask(.query, narrow)
        #expect(found.records.map(\.sequence) == [2])
    }

    @Test func `A label by request or by record moves the accuracy, and feedback does too`() throws
    {
        defer { try? FileDisk().removeFolder(folder) }
        var label = LabelRequest()
        (label.request, label.task, label.label) = ("r-1", "digits", "1")
        let done: LabelReply = try ask(.label, label)
        #expect(done.known && done.records.count == 1)
        let feedback = Feedback(
            request: "r-2", task: "digits", label: "9", labelledAt: WallTime(nanoseconds: 0))
        let heard: FeedbackReply = try ask(.feedback, feedback)
        #expect(heard.known)
        let later = Feedback(request: "r-9", task: "digits", label: "9", labelledAt: Self.now)
        let early: FeedbackReply = try ask(.feedback, later)
        #expect(!early.known)
        let stats: RecordStatsReply = try ask(.stats, RecordStatsRequest())
        #expect(stats.node == "region" && stats.frames == 3 && stats.labelled == 2)
        #expect(stats.waitingLabels == 1)
        #expect(stats.accuracy.map { "\($0.truth) \($0.right)/\($0.total)" } == ["1 1/1", "9 0/1"])
        #expect(stats.origins.map(\.watermark) == [3])
    }

    @Test func `A record is explained by the first digits of its id`() throws {
        defer { try? FileDisk().removeFolder(folder) }
        let page: RecordsPage = try ask(.query, RecordsQuery())
        let id = page.records[0].id
        let answer: RecordExplanation = try ask(
            .explain, ExplainRequest(record: String(id.prefix(6))))
        #expect(answer.id == id && answer.answers.count == 1)
        #expect(answer.lines.contains("nobody else answered it"))
    }

    @Test func `Words that mean nothing are refused`() throws {
        defer { try? FileDisk().removeFolder(folder) }
        func code(_ change: (inout RecordsQuery) -> Void) -> Fault.Code? {
            var query = RecordsQuery()
            change(&query)
            do {
                let _: RecordsPage = try ask(.query, query)
                return nil
            } catch { return (error as? Fault)?.code }
        }
        #expect(code { $0.tier = "attic" } == .invalid)
        #expect(code { $0.truth = "maybe" } == .invalid)
        #expect(code { $0.after = "nowhere" } == .invalid)
        #expect(code { $0.limit = 5000 } == .invalid)
        #expect(throws: Fault.self) { let _: LabelReply = try ask(.label, LabelRequest()) }
    }

    /// Gives the store what came in a queue of a node.
    private func ingest(_ bodies: [OwedRecord.Body], from node: String, _ queue: Queue) throws {
        let origin = Records.Origin(site: "mill", node: node, epoch: 1, queue: queue)
        let records = bodies.enumerated().map { index, body in
            let at = WallTime(nanoseconds: Self.now.nanoseconds + Int64(index) * 60_000_000_000)
            let record = OwedRecord(
                sequence: UInt64(index + 1), at: at, clock: 1, body: body)
            return Owed(
                sequence: UInt64(index + 1), at: at, clock: 1,
                .note(record.encode().flatMap(\.array)))
        }
        let batch = try Delivery(
            origin: origin, first: 1, last: UInt64(records.count), records: records)
        _ = try store.ingest(batch, now: Self.now)
    }

    @Test func `Quantiles of a fleet are those of all its frames pooled`() throws {
        defer { try? FileDisk().removeFolder(folder) }
        var random = Randomness(seed: 3)
        var pooled: [UInt64] = []
        for (number, node) in ["a", "b", "c"].enumerated() {
            let minutes = (0..<10).map { minute -> OwedRecord.Body in
                var sketch = Sketch()
                // The nodes differ: their own quantiles cannot be averaged to the fleet's.
                for _ in 0..<(number + 1) * 200 {
                    let value = UInt64(
                        Double(number * number * 20 + 2) * 1e6 / (random.unit() + 0.05))
                    sketch.insert(value)
                    pooled.append(value)
                }
                let record = TelemetryRecord(
                    from: Self.now, until: Self.now,
                    latencies: [TelemetryRecord.Latencies(name: "digits", sketch)],
                    counts: [NamedCount("digits/owed", minute), NamedCount("other/owed", 1)])
                return .telemetry(record)
            }
            try ingest(minutes, from: node, .telemetry)
        }
        var query = TelemetryQuery()
        query.task = "digits"
        let reply: TelemetryReply = try ask(.telemetry, query)
        #expect(reply.minutes == 30 && reply.damaged == 0 && !reply.isCut)
        #expect(reply.series.map(\.node) == ["a", "b", "c"])
        #expect(reply.series.map(\.counts) == Array(repeating: [NamedCount("owed", 45)], count: 3))
        var fleet = Sketch()
        for series in reply.series { fleet.merge(try #require(series.latency.sketch)) }
        let sorted = pooled.sorted()
        for q in [0.01, 0.5, 0.9, 0.95, 0.99, 0.999] {
            let exact = Double(sorted[Int((q * Double(sorted.count)).rounded(.up)) - 1])
            let told = Double(try #require(fleet.quantile(q)))
            #expect(abs(told - exact) <= 0.01 * exact, "q \(q): \(told) for \(exact)")
        }
        #expect(fleet.count == UInt64(pooled.count))
        // Of one node, and of some of its minutes.
        query.node = "b"
        query.from = WallTime(nanoseconds: Self.now.nanoseconds + 8 * 60_000_000_000)
        let some: TelemetryReply = try ask(.telemetry, query)
        #expect(some.minutes == 2 && some.series.map(\.counts) == [[NamedCount("owed", 17)]])
    }

    @Test func `A node is known by its last report and by what was wrong with it`() throws {
        defer { try? FileDisk().removeFolder(folder) }
        var report = NodeReport()
        (report.site, report.node, report.version) = ("mill", "leaf", "1.2")
        report.depths = [QueueDepth(queue: .result, first: 1, next: 9, records: 8)]
        let bytes = report.encode().flatMap(\.array)
        try store.keep(report: bytes, of: "leaf", site: "mill", now: Self.now)
        let cut = Incident(
            kind: "disconnected", subject: "region", began: Self.now, ended: Self.now, words: "cut")
        try store.keep([NodeIncident(cut)], of: "leaf", site: "mill", now: Self.now)
        let reply: NodesReply = try ask(.nodes, NodesQuery())
        #expect(reply.nodes.map(\.report) == [report] && reply.nodes.map(\.incidents) == [[cut]])
        #expect(reply.nodes.map(\.heard) == [Self.now])
    }

    @Test func `A purge is an audit entry, beside those of nodes, page by page`() throws {
        defer { try? FileDisk().removeFolder(folder) }
        let entry = AuditRecord(who: "role ann", action: "drain", subject: "leaf", words: "")
        try ingest([.audit(entry), .audit(entry)], from: "leaf", .audit)
        let later = WallTime(nanoseconds: Self.now.nanoseconds + 91 * 86_400_000_000_000)
        #expect(try store.purge(now: later).map(\.count) == [3])
        var query = AuditQuery()
        query.limit = 2
        let first: AuditReply = try ask(.audit, query)
        query.after = first.next
        let second: AuditReply = try ask(.audit, query)
        let all = first.entries + second.entries
        #expect(all.map(\.action) == ["purge", "drain", "drain"] && second.next.isEmpty)
        #expect(all[0].subject == "records" && all[0].words == "3 for their age")
        #expect(all[0].who == "region" && all[1].who == "role ann")
    }
}
