import Compression
import Cryptography
import Glibc
import Ground
import Records
import Spool
import Testing
import Wire

@testable import Gateway

/// A folder that is there for as long as a test holds it.
private final class Folder {
    let path: String

    init() throws {
        var template = Array("/tmp/canopy-owing-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit {
        for name in ["receipts.sqlite", "receipts.sqlite-wal", "receipts.sqlite-shm"] {
            unlink("\(path)/\(name)")
        }
        rmdir(path)
    }
}

@Suite("What is owed, and how it is taken")
struct OwingTests {
    // MARK: The leaf's side

    @Test func `Receipts are found again, settled and lost ones too`() throws {
        let folder = try Folder()
        var book = try ReceiptBook(folder: folder.path) { _ in }
        let now = WallTime(nanoseconds: 1)
        func promise(_ id: String) -> ReceiptBook.Promise {
            ReceiptBook.Promise(id: id, task: "look", request: "", at: now)
        }
        try book.promise([(promise("a"), 1), (promise("b"), 2), (promise("c"), 3)])
        try book.settle([("a", 1, .answered([7, 8]))], at: now)
        try book.lose(2...2, "the frame was dropped: overflow", at: now)
        book.close()
        book = try ReceiptBook(folder: folder.path) { _ in }
        guard case .answered([7, 8])? = book.state(of: "a"), case .lost? = book.state(of: "b"),
            case .pending? = book.state(of: "c")
        else {
            Issue.record("a receipt was forgotten")
            return
        }
        #expect(book.state(of: "d") == nil)
        // An answer is never lost again.
        try book.lose(1...3, "late", at: now)
        if case .answered? = book.state(of: "a") {} else { Issue.record("an answer was lost") }
        try book.settle([("c", 3, .answered([9]))], at: now)
        if case .answered([9])? = book.state(of: "c") {} else { Issue.record("no answer came") }
    }

    // MARK: The hub's side

    private let origin = Wire.Origin(site: "mill", node: "leaf", epoch: 5, queue: .escalation)

    private func result(_ sequence: UInt64) -> ResultRecord {
        var result = ResultRecord()
        (result.task, result.stream, result.sequence) = ("look", "cam", sequence)
        (result.tier, result.tierRank, result.node, result.label) = ("leaf", 1, "leaf", "7")
        return result
    }

    private func owed(_ sequence: UInt64) -> OwedRecord {
        OwedRecord(
            sequence: sequence, at: WallTime(nanoseconds: 9), clock: sequence,
            body: .escalation(
                EscalationRecord(
                    receipt: "r\(sequence)", request: Bytes([1, 2, 3]), answer: result(sequence))))
    }

    private func upload(
        _ records: [OwedRecord], first: UInt64, last: UInt64, of origin: Wire.Origin
    ) throws -> UploadBatch {
        let block = OwedBlock(records).encode()[0]
        return UploadBatch(
            origin: origin, first: first, last: last, sha256: Hash.sha256(block).bytes,
            size: block.count, block: try Zstd.compressed(block))
    }

    private var answer: InferResponse {
        var response = InferResponse(
            model: "look", outputs: [InferTensor(name: "label", elements: [Array("9".utf8)])])
        response.parameters["canopy.tier"] = .string("regional")
        response.parameters["canopy.node"] = .string("region")
        return response
    }

    @Test func `The watermark never passes a frame that has no answer`() throws {
        let batch = try OwedBatch(
            upload([owed(4), owed(5), owed(6)], first: 4, last: 6, of: origin), for: .open)
        #expect(batch.frames.map(\.sequence) == [4, 5, 6])
        let time = WallTime(nanoseconds: 100)
        let some: [UInt64: OwedOutcome] = [4: .answered(answer, at: time), 6: .failed("no")]
        let delivery = try #require(batch.delivery(some))
        #expect(delivery.first == 4 && delivery.last == 4)
        guard case .escalation(let settled) = delivery.records[0].body else {
            Issue.record("no escalation")
            return
        }
        #expect(settled.receipt == "r4")
        #expect(settled.answer?.label == "9" && settled.answer?.node == "region")
        #expect(settled.meanwhile.label == "7")
        #expect(batch.delivery([:]) == nil)
        let all = try #require(
            batch.delivery([4: .failed("a"), 5: .failed("b"), 6: .failed("c")]))
        #expect(all.last == 6)
    }

    @Test func `A record that cannot be read or kept costs itself alone`() throws {
        let queue = Wire.Origin(site: "mill", node: "leaf", epoch: 5, queue: .result)
        var nameless = ResultRecord()
        nameless.task = "look"
        let records = [result(1), nameless, result(3)].enumerated().map { index, result in
            OwedRecord(
                sequence: UInt64(index + 1), at: WallTime(nanoseconds: 9), clock: 1,
                body: .result(result))
        }
        let delivery = try #require(
            try OwedBatch(upload(records, first: 1, last: 3, of: queue), for: .open).delivery([:]))
        guard case .result = delivery.records[0].body, case .gap = delivery.records[1].body,
            case .result = delivery.records[2].body
        else {
            Issue.record("the wrong record was given up")
            return
        }
        // One of the three is no record at all.
        var block = OwedBlock.assembled([(1, records[0].encode()[0])]).array
        block += [10, 2, 255, 255]
        block += OwedBlock.assembled([(3, records[2].encode()[0])]).array
        let bytes = Bytes(block)
        let damaged = UploadBatch(
            origin: queue, first: 1, last: 3, sha256: Hash.sha256(bytes).bytes, size: bytes.count,
            block: try Zstd.compressed(bytes))
        let read = try OwedBatch(damaged, for: .open)
        #expect(read.records.map(\.sequence) == [1, 2, 3])
        if case .gap(let gap)? = read.records[1].body {
            #expect(gap.reason == "unreadable")
        } else {
            Issue.record("what is no record was taken for one")
        }
    }

    @Test func `A node writes of no task that it may not use; what comes after is kept`() throws {
        let queue = Wire.Origin(site: "mill", node: "leaf", epoch: 5, queue: .result)
        var foreign = result(2)
        foreign.task = "gate"
        let label = LabelRecord(
            request: "r", task: "gate", label: "8", labelledAt: WallTime(nanoseconds: 1), who: "me")
        let bodies: [OwedRecord.Body] = [
            .result(result(1)), .result(foreign), .label(label), .result(result(4)),
        ]
        let records = bodies.enumerated().map { index, body in
            OwedRecord(
                sequence: UInt64(index + 1), at: WallTime(nanoseconds: 9), clock: 1, body: body)
        }
        let access = Access(verbs: [], tasks: ["look"])
        let batch = try OwedBatch(upload(records, first: 1, last: 4, of: queue), for: access)
        let reasons = batch.records.map { record in
            if case .gap(let gap)? = record.body { gap.reason } else { "" }
        }
        #expect(reasons == ["", "task_not_allowed", "task_not_allowed", ""])
        #expect(try #require(batch.delivery([:])).last == 4)
        var owed = owed(1)
        guard case .escalation(var frame)? = owed.body else { return }
        frame.answer = foreign
        owed.body = .escalation(frame)
        let frames = try OwedBatch(upload([owed], first: 1, last: 1, of: origin), for: access)
        #expect(frames.frames.isEmpty && frames.last == 1)
    }

    @Test func `A batch that is not what it says is refused`() throws {
        func code(_ batch: UploadBatch) -> Fault.Code? {
            do {
                _ = try OwedBatch(batch, for: .open)
                return nil
            } catch { return error.code }
        }
        let good = try upload([owed(1)], first: 1, last: 1, of: origin)
        #expect(code(good) == nil)
        var other = good
        other.sha256 = [UInt8](repeating: 1, count: 32)
        #expect(code(other) == .corrupt)
        #expect(try code(upload([owed(1)], first: 1, last: 2, of: origin)) == .corrupt)
        var huge = good
        huge.size = 1 << 30
        #expect(code(huge) == .exhausted)
    }

    @Test func `A frame that the hub has settled without an answer has none to wait for`() throws {
        let entries = (UInt64(4)...7).map { number in
            SpoolEntry.record(sequence: number, owed(number).encode()[0])
        }
        let sent = try #require(
            try SentBatch(entries, holdsFrames: true, time: WallTime(nanoseconds: 0)))
        let reply = UploadReply(
            origin: origin, watermark: 6,
            settlements: [
                Settlement(sequence: 4, outcome: .response(Bytes([1]))),
                Settlement(sequence: 6, outcome: .error("no")),
            ])
        let words = sent.endings(reply).map { ending in
            switch ending.state {
            case .pending: "\(ending.id) open"
            case .answered(let bytes): "\(ending.id) \(bytes)"
            case .lost(let why): "\(ending.id) \(why)"
            }
        }
        let none = "the node above took the frame and has no answer to it"
        #expect(words == ["r4 [1]", "r5 \(none)", "r6 no"])
    }

    @Test func `A gap stands for all that it covers`() throws {
        let gap = OwedRecord(
            sequence: 1, at: WallTime(nanoseconds: 0), clock: 0,
            body: .gap(GapRecord(first: 1, last: 40, reason: "overflow")))
        let batch = try OwedBatch(
            upload([gap, owed(41)], first: 1, last: 41, of: origin), for: .open)
        let delivery = try #require(batch.delivery([41: .failed("no")]))
        #expect(delivery.records.map(\.last) == [40, 41])
    }
}
