import Ground
import Storage
import Testing

@testable import Records

@Suite struct IngestTests {
    private typealias Make = StoreFixture

    @Test func `A batch is taken once, and coming again it changes nothing`() throws {
        let fixture = try StoreFixture()
        let batch = (1...50).map { Make.result(UInt64($0)) }
        #expect(try fixture.ingest(batch) == Ingested(watermark: 50, taken: 50))
        let before = try fixture.store.stats()
        #expect(try fixture.ingest(batch) == Ingested(watermark: 50, duplicates: 50))
        var after = try fixture.store.stats()
        #expect(after.origins[0].duplicates == 50)
        after.origins[0].duplicates = 0
        #expect(after == before)
        #expect(try fixture.rows { $0.losers = true }.count == 50)
    }

    @Test func `Overlapping batches in any order end with the same rows and watermark`() throws {
        var expected: [String]?
        var random = Randomness(seed: 3)
        let pieces: [ClosedRange<UInt64>] = [1...10, 5...20, 11...12, 18...40, 35...60, 1...60]
        for _ in 0..<12 {
            let fixture = try StoreFixture()
            for piece in pieces.shuffled(using: &random) {
                try fixture.ingest(piece.map { Make.result($0, "\($0 % 10)") })
            }
            #expect(try fixture.store.watermark(of: Make.origin()) == 60)
            let rows = try fixture.rows { $0.limit = 1000 }
            let found = rows.map { "\($0.key) \($0.sequence) \($0.answer.label) \($0.won)" }
            #expect(found.count == 60)
            expected = expected ?? found
            #expect(found == expected)
        }
    }

    @Test func `A hole holds the watermark back until it is closed or a gap stands in it`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest([Make.result(1)])
        #expect(try fixture.ingest([Make.result(5)]).watermark == 1)
        let gap = Owed(
            sequence: 2, at: Make.start, clock: 0, .gap(through: 4, reason: "overflow"))
        #expect(try fixture.ingest([gap]) == Ingested(watermark: 5, lost: 3))
        #expect(try fixture.ingest([gap]) == Ingested(watermark: 5))
        #expect(try fixture.store.stats().origins[0].lost == 3)
    }

    @Test func `A gap over what had arrived before it was dropped loses only the rest`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest((1...3).map { Make.result($0) })
        let gap = Owed(sequence: 1, at: Make.start, clock: 0, .gap(through: 5, reason: "overflow"))
        #expect(
            try fixture.ingest([gap, Make.result(6)]) == Ingested(watermark: 6, taken: 1, lost: 2))
        #expect(try fixture.rows().count == 4)
    }

    @Test func `A node that was wiped is not taken for its former self`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest([Make.result(1, "3")])
        let reborn = Origin(site: "mill", node: "leaf-a", epoch: 5, queue: .result)
        #expect(try fixture.ingest([Make.result(1, "4", frame: 9)], from: reborn).taken == 1)
        #expect(try fixture.rows().count == 2)
    }

    @Test func `Settlements are given again word for word`() throws {
        let fixture = try StoreFixture()
        let origin = Make.origin("leaf-a", .escalation)
        var failed = Make.escalation(3)
        if case .escalation(var escalation) = failed.body {
            escalation.answer = nil
            escalation.settlement = .failed("the model is gone")
            failed.body = .escalation(escalation)
        }
        let batch = [Make.escalation(1), Make.escalation(2), failed]
        try fixture.ingest(batch, from: origin)
        try fixture.ingest(batch, from: origin)
        let expected = [
            Settlement(sequence: 2, .answered(Array("response 2".utf8))),
            Settlement(sequence: 3, .failed("the model is gone")),
        ]
        #expect(try fixture.store.settlements(of: origin, 2...9) == expected)
        #expect(try fixture.store.settlements(of: Make.origin("leaf-b", .escalation), 1...9) == [])
    }

    @Test func `A frame's owed answer outranks the leaf's, and each counts once`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest([Make.escalation(4, "8")], from: Make.origin("leaf-a", .escalation))
        try fixture.ingest([Make.result(1, "7", frame: 4)])
        let rows = try fixture.rows()
        #expect(rows.map(\.answer.label) == ["8"])
        #expect(rows[0].payload != nil)
        let both = try fixture.store.answers(record: rows[0].key.description)
        #expect(both.map(\.answer.label) == ["8", "7"])
        #expect(try fixture.store.payload(#require(rows[0].payload)).count == 100)
        let lines = try fixture.store.explain(record: "\(rows[0].key)").lines
        #expect(lines.contains { $0.contains("regional stands above leaf") })
    }

    @Test func `Two leaves that saw one frame make one record in either order`() throws {
        var labels: [[String]] = []
        for order in [["leaf-a", "leaf-b"], ["leaf-b", "leaf-a"]] {
            let fixture = try StoreFixture()
            for node in order {
                // The clock of leaf-b is five seconds ahead.
                let clock: UInt64 = node == "leaf-b" ? 5000 << 16 : 3
                let record = Make.result(1, node, clock: clock, node: node, frame: 77)
                try fixture.ingest([record], from: Make.origin(node))
            }
            let key = try #require(try fixture.rows().first).key
            labels.append(try fixture.store.answers(record: "\(key)").map(\.answer.label))
        }
        #expect(labels == [["leaf-b", "leaf-a"], ["leaf-b", "leaf-a"]])
    }

    @Test func `What is no sound batch is refused with the reason`() throws {
        let origin = Make.origin()
        func fault(_ first: UInt64, _ last: UInt64, _ records: [Owed]) -> String {
            do throws(Fault) {
                _ = try Delivery(origin: origin, first: first, last: last, records: records)
                return ""
            } catch { return error.code == .corrupt ? error.message : "" }
        }
        #expect(fault(0, 0, []).contains("0 to 0"))
        #expect(fault(1, 2, [Make.result(1)]).contains("ends at 1"))
        #expect(fault(1, 2, [Make.result(1), Make.result(3)]).contains("stands where 2"))
        #expect(fault(1, 1, [Make.escalation(1)]).contains("an escalation"))
        #expect(fault(1, 1, [Make.result(1, String(repeating: "x", count: 600))]).contains("600"))
        #expect(fault(1, 1, [Make.result(1, clock: .max)]).contains("clock"))
        let gap = Owed(sequence: 1, at: Make.start, clock: 0, .gap(through: .max, reason: ""))
        #expect(fault(1, 5, [gap]).contains("record 1"))
        var nameless = Make.answer("1", frame: 1)
        (nameless.frame, nameless.input) = (nil, [])
        let record = Owed(sequence: 1, at: Make.start, clock: 0, .result(nameless))
        #expect(fault(1, 1, [record]).contains("neither"))
    }

    @Test func `A node whose hub lost everything is asked for nothing it has no more`() throws {
        let fixture = try StoreFixture()
        let origin = Make.origin()
        // The node settled 1 to 40 with a store that is gone.
        #expect(try fixture.ingest([Make.result(41)]).watermark == 0)
        #expect(try fixture.store.report(origin, oldest: 41, now: Make.start) == 41)
        #expect(try fixture.store.report(origin, oldest: 41, now: Make.start) == 41)
        #expect(try fixture.store.report(origin, oldest: 7, now: Make.start) == 41)
        let stats = try fixture.store.stats().origins[0]
        #expect(stats.lost == 40 && stats.taken == 1)
    }
}
