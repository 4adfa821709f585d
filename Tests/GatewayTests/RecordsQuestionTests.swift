import Ground
import Records
import Storage
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
}
