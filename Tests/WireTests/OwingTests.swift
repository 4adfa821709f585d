import Ground
import Testing

@testable import Wire

/// What nodes owe each other, as it was frozen and as it is made.
@Suite struct OwingTests {
    @Test func `A block of version 1 says what it says`() throws {
        let records = try OwedBlock.decode(golden("v1/owed-block")).records
        #expect(records.map(\.sequence) == [1, 2, 3, 4, 5, 905])
        #expect(records.map(\.last) == [1, 2, 3, 4, 904, 905])
        guard case .result(let result) = records[0].body,
            case .escalation(let owed) = records[1].body,
            case .telemetry(let minute) = records[2].body
        else {
            Issue.record("bodies were taken for others")
            return
        }
        #expect(result.sequence == 4711)
        #expect(result.confidence == 0.875)
        #expect(result.latency == .microseconds(3141))
        #expect(owed.answer == result)
        #expect(try InferRequest.decode(owed.request).model == "meter-digits")
        #expect(minute.latencies[0].counts == [1, 1 << 40, 5])
        #expect(minute.incidents[0].ended == nil)
    }

    @Test func `Settlements of version 1 are answers or errors`() throws {
        let reply = try UploadReply.decode(golden("v1/upload-reply"))
        #expect(reply.watermark == 20)
        #expect(reply.retryAfter == .milliseconds(250))
        guard case .response(let bytes) = reply.settlements[0].outcome,
            case .error(let words) = reply.settlements[1].outcome
        else {
            Issue.record("outcomes were taken for others")
            return
        }
        #expect(try InferResponse.decode(bytes).parameters.string("canopy.tier") == "regional")
        #expect(words == "no model here")
    }

    @Test(arguments: [1, 127, 128, 1 << 20, UInt64.max])
    func `A block made of encoded records is read as one of records`(_ sequence: UInt64) throws {
        let gap = OwedRecord(
            at: WallTime(nanoseconds: 5), clock: 7,
            body: .gap(GapRecord(first: sequence, last: sequence, reason: "overflow")))
        let encoded = Bytes(joined(gap.encode()))
        let block = OwedBlock.assembled([(sequence, encoded), (sequence, encoded)])
        let records = try OwedBlock.decode(block).records
        #expect(records.map(\.sequence) == [sequence, sequence])
        #expect(records.map(\.clock) == [7, 7])
    }

    @Test func `A result takes at most 1 KiB, whatever its texts are`() throws {
        var result = ResultRecord()
        let long = String(repeating: "wide ü ", count: 400)
        (result.task, result.stream, result.tier, result.node) = (long, long, long, long)
        (result.bundle, result.label, result.degraded, result.request) = (long, long, long, long)
        (result.sequence, result.tierRank, result.confidence) = (.max, 3, 1)
        (result.accepted, result.approved) = (true, true)
        (result.inputHash, result.trace) = ([UInt8](repeating: 1, count: 16), Array(0..<16))
        (result.capturedAt, result.answeredAt) = (
            WallTime(nanoseconds: .min), WallTime(nanoseconds: .min)
        )
        result.latency = Interval(nanoseconds: .max)
        let record = OwedRecord(
            sequence: .max, at: WallTime(nanoseconds: .min), clock: .max, body: .result(result))
        let bytes = joined(record.encode())
        #expect(bytes.count <= ResultRecord.most)
        guard case .result(let read) = try OwedRecord.decode(Bytes(bytes)).body else {
            Issue.record("no result came back")
            return
        }
        #expect(read.label.utf8.count > 90)
        #expect(long.hasPrefix(read.label))
    }

    @Test func `What a frame did not say is told from zero`() throws {
        var result = ResultRecord()
        result.sequence = 0
        result.confidence = 0
        let record = OwedRecord(
            at: WallTime(nanoseconds: 0), clock: 0, body: .result(result))
        guard case .result(let read) = try again(record).body else {
            Issue.record("no result came back")
            return
        }
        #expect(read == result)
        #expect(ResultRecord().sequence == nil && ResultRecord().confidence == nil)
    }

    @Test func `A label reads as it was written`() throws {
        let label = LabelRecord(
            request: "r-1", task: "digits", label: "7", labelledAt: WallTime(nanoseconds: 5),
            who: "canopy:role:operator")
        let record = OwedRecord(at: WallTime(nanoseconds: 1), clock: 2, body: .label(label))
        guard case .label(let read) = try again(record).body else {
            Issue.record("no label came back")
            return
        }
        #expect(read == label)
    }

    @Test func `A record of a later kind keeps its place`() throws {
        // Field 100, a message.
        let later = Bytes([8, 3, 0xA2, 0x06, 0])
        let record = try OwedRecord.decode(later)
        #expect(record.sequence == 3)
        #expect(record.body == nil)
    }

    @Test func `An upload without origin, range or hash is refused`() throws {
        let origin = Origin(site: "mill", node: "leaf", epoch: 1, queue: .result)
        var batch = UploadBatch(
            origin: origin, first: 1, last: 3, sha256: [UInt8](repeating: 0, count: 32), size: 0,
            block: Bytes([]))
        #expect(try again(batch).origin == origin)
        batch.first = 4
        #expect(try fault { try again(batch) }.code == .corrupt)
        batch.first = 3
        batch.sha256 = [1, 2]
        #expect(try fault { try again(batch) }.message.contains("2 bytes"))
        #expect(try fault { try UploadBatch.decode(Bytes([16, 1, 24, 1])) }.code == .corrupt)
        // Queue 9 of node "n".
        let foreign = Bytes(field(1, [18, 1, 0x6E, 32, 9]) + [16, 1, 24, 1])
        #expect(try fault { try UploadBatch.decode(foreign) }.message.contains("queue 9"))
    }
}
