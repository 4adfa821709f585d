import Ground
import Testing

@testable import Wire

@Suite struct RecordsMessageTests {
    private var record: StoredRecord {
        var record = StoredRecord()
        (record.id, record.won, record.site, record.task) = ("00ff", true, "mill", "digits")
        (record.stream, record.sequence, record.tier, record.node) = ("cam-1", 0, "leaf", "leaf-a")
        (record.bundle, record.label, record.confidence) = ("sha256:1", "7", 0)
        (record.accepted, record.degraded, record.approved) = (true, "budget", true)
        record.capturedAt = WallTime(nanoseconds: -5)
        record.answeredAt = WallTime(nanoseconds: 6)
        record.receivedAt = WallTime(nanoseconds: 7)
        (record.latency, record.trace, record.request) = (.microseconds(9), "ab", "r-1")
        (record.truth, record.frame, record.sender) = ("", "sha256:2", "leaf-a")
        (record.queue, record.record, record.clock) = ("result", 3, .max)
        return record
    }

    @Test func `What is asked of a hub's records reads as it was written`() throws {
        var query = RecordsQuery()
        query.from = WallTime(nanoseconds: 1)
        query.until = WallTime(nanoseconds: 2)
        (query.site, query.node, query.task, query.stream) = ("mill", "leaf", "digits", "cam")
        (query.label, query.tier, query.truth, query.after) = ("7", "leaf", "wrong", "1.2")
        (query.leastConfidence, query.mostConfidence) = (0, 0.5)
        (query.losers, query.withFrame, query.limit) = (true, true, 9)
        #expect(try again(query) == query)
        #expect(try again(RecordsQuery()) == RecordsQuery())
        var label = LabelRequest()
        (label.record, label.request, label.task, label.label) = ("00ff", "r", "digits", "7")
        label.at = WallTime(nanoseconds: 4)
        #expect(try again(label) == label)
        #expect(try again(ExplainRequest(record: "00ff")) == ExplainRequest(record: "00ff"))
        #expect(try again(RecordStatsRequest(task: "t")) == RecordStatsRequest(task: "t"))
    }

    @Test func `What a hub says of its records reads as it was written`() throws {
        var page = RecordsPage()
        (page.records, page.next, page.damaged) = ([record, StoredRecord()], "5.6", 2)
        #expect(try again(page) == page)
        let reply = LabelReply(known: true, records: ["00ff", "11ee"])
        #expect(try again(reply) == reply)
        var explanation = RecordExplanation()
        (explanation.id, explanation.lines) = ("00ff", ["over", "because"])
        explanation.answers = [record]
        #expect(try again(explanation) == explanation)
        var stats = RecordStatsReply()
        (stats.node, stats.frames, stats.answers, stats.labelled) = ("region", 1, 2, 3)
        (stats.waitingLabels, stats.payloads, stats.payloadBytes) = (4, 5, 6)
        stats.indexBytes = 7
        var origin = RecordOrigin()
        (origin.site, origin.node, origin.epoch, origin.queue) = ("mill", "leaf", .max, "result")
        (origin.watermark, origin.taken, origin.duplicates, origin.lost) = (9, 8, 7, 6)
        origin.heard = WallTime(nanoseconds: 5)
        var accuracy = ClassAccuracy()
        (accuracy.task, accuracy.bundle, accuracy.tier) = ("digits", "sha256:1", "leaf")
        (accuracy.truth, accuracy.right, accuracy.total) = ("7", 1, 2)
        (stats.origins, stats.accuracy) = ([origin], [accuracy])
        #expect(try again(stats) == stats)
    }
}
