import Ground
import Testing

@testable import Records

@Suite struct QueryTests {
    private typealias Make = StoreFixture

    private func filled() throws -> StoreFixture {
        let fixture = try StoreFixture()
        try fixture.ingest(
            (1...30).map { Make.result($0, "\($0 % 3)", confidence: Double($0) / 30) })
        let other = Origin(site: "shop", node: "leaf-b", epoch: 1, queue: .result)
        try fixture.ingest(
            (1...5).map {
                Make.result(
                    $0, "x", node: "region", tier: .regional, confidence: nil, frame: 100 + $0)
            }, from: other)
        return fixture
    }

    @Test func `Each question narrows the answer`() throws {
        let fixture = try filled()
        #expect(try fixture.rows().count == 35)
        #expect(try fixture.rows { $0.site = "shop" }.count == 5)
        #expect(try fixture.rows { $0.node = "region" }.count == 5)
        #expect(try fixture.rows { $0.tier = .leaf }.count == 30)
        #expect(try fixture.rows { $0.label = "1" }.count == 10)
        #expect(try fixture.rows { $0.stream = "cam-2" }.isEmpty)
        #expect(try fixture.rows { $0.task = "digits" }.count == 35)
        #expect(try fixture.rows { $0.leastConfidence = 0.5 }.count == 16)
        #expect(
            try fixture.rows {
                $0.leastConfidence = 0.5
                $0.mostConfidence = 0.5
            }.map(\.sequence) == [15])
        let from = WallTime(nanoseconds: Make.start.nanoseconds + 10_000_000)
        let until = WallTime(nanoseconds: Make.start.nanoseconds + 13_000_000)
        #expect(
            try fixture.rows {
                $0.from = from
                $0.until = until
            }.map(\.sequence) == [12, 11, 10])
        #expect(try fixture.rows { $0.label = "'; DROP TABLE records; --" }.isEmpty)
    }

    @Test func `Pages follow each other without a hole, also when rows arrive meanwhile`() throws {
        let fixture = try filled()
        var seen: [Int64] = []
        var query = RecordQuery()
        query.limit = 4
        for round in 0..<20 {
            let page = try fixture.store.query(query)
            seen += page.rows.map(\.row)
            if round == 2 {
                try fixture.ingest([Make.result(31, "late", frame: 999)])
            }
            guard let next = page.next else { break }
            query.after = RecordQuery.Cursor(text: next.text)
            #expect(query.after == next)
        }
        #expect(seen.count == 35 && Set(seen).count == 35)
    }

    @Test func `A row comes back with all that it was given`() throws {
        let fixture = try StoreFixture()
        var answer = Make.answer("Ünï", frame: UInt64.max)
        answer.capturedAt = Make.after(-3)
        answer.degraded = "upstream_down"
        answer.accepted = false
        answer.approved = false
        let record = Owed(sequence: 1, at: Make.start, clock: 9, .result(answer))
        try fixture.ingest([record])
        let row = try #require(try fixture.rows().first)
        #expect(row.answer == answer)
        #expect(row.origin == Make.origin() && row.clock == 9 && row.won)
        answer = Make.answer("", frame: 1, tier: nil, node: "", confidence: nil)
        (answer.frame, answer.bundle) = (nil, nil)
        try fixture.ingest([Owed(sequence: 2, at: Make.start, clock: 9, .result(answer))])
        #expect(try fixture.rows().contains { $0.answer == answer })
    }

    @Test func `A page has bounds`() throws {
        let fixture = try StoreFixture()
        var query = RecordQuery()
        for limit in [0, -1, 1001] {
            query.limit = limit
            #expect(throws: Fault.self) { try fixture.store.query(query) }
        }
        for text in ["", "1", "1.2.3", "a.b", "1."] {
            #expect(RecordQuery.Cursor(text: text) == nil)
        }
    }
}
