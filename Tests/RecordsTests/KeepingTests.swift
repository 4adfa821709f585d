import Ground
import Storage
import Testing

@testable import Records

@Suite struct KeepingTests {
    private typealias Make = StoreFixture

    private func files(_ fixture: StoreFixture) -> Int {
        (UInt8.min...UInt8.max).reduce(0) { $0 + fixture.store.payloads.list($1).count }
    }

    private func audits(_ fixture: StoreFixture) throws -> [String] {
        try fixture.store.notes(.audit, after: 0, limit: 100).map {
            String(decoding: $0.body, as: UTF8.self)
        }
    }

    @Test func `A frame that is there already leaves no second file behind`() throws {
        let fixture = try StoreFixture()
        let live = LiveFrame(
            below: Make.answer("7", frame: 1), payload: [UInt8](repeating: 9, count: 50))
        #expect(try fixture.store.keep([live, live], now: Make.start) == 1)
        // The answer was lost on its way, and the leaf owes it under other bytes.
        try fixture.ingest([Make.escalation(1)], from: Make.origin("leaf-a", .escalation))
        #expect(files(fixture) == 1)
        #expect(try fixture.store.stats().payloads == 1)
    }

    @Test func `Each class goes after its term, and an audit entry says so`() throws {
        let fixture = try StoreFixture()
        let escalations = Make.origin("leaf-a", .escalation)
        try fixture.ingest([Make.escalation(1)], from: escalations)
        try fixture.ingest([Make.escalation(2)], from: escalations, after: 90)
        #expect(try fixture.store.purge(now: Make.after(99)).isEmpty)
        let first = try fixture.store.purge(now: Make.after(101))
        #expect(first.map(\.kind) == ["frames"])
        #expect(first.map(\.count) == [1] && first.map(\.bytes) == [100])
        #expect(files(fixture) == 1)
        #expect(try fixture.rows().count == 2)

        _ = try fixture.store.purge(now: Make.after(1001))
        #expect(try fixture.rows().map(\.sequence) == [2])
        #expect(try fixture.store.settlements(of: escalations, 1...9).map(\.sequence) == [2])
        // Two of frames, one of records, and one of the settlement that went with its record.
        #expect(try audits(fixture).count == 4)
        #expect(try audits(fixture)[0].contains("\"class\":\"frames\",\"count\":1"))
        // What stood there before is still held: it is not asked for again.
        #expect(try fixture.store.watermark(of: escalations) == 2)

        _ = try fixture.store.purge(now: Make.after(20_000))
        #expect(try fixture.rows().isEmpty)
        // Only what the last purge itself has written is left of the audit.
        #expect(try audits(fixture).allSatisfy { $0.contains("purge") })
        #expect(try audits(fixture).count <= 4)
    }

    @Test func `Much is purged in steps, and told as one`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest((1...2500).map { Make.result($0) })
        let purged = try fixture.store.purge(now: Make.after(1001))
        #expect(purged.map(\.kind) == ["records"] && purged.map(\.count) == [2500])
        #expect(try fixture.rows().isEmpty)
        let entries = try audits(fixture)
        #expect(entries.count == 3 && entries.filter { $0.contains("\"count\":1000") }.count == 2)
    }

    @Test func `When the winner's term is over, the best of the rest wins`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest(
            [Make.result(1, "best", node: "region", tier: .regional, frame: 5)],
            from: Make.origin("leaf-b"))
        try fixture.ingest(
            [Make.result(1, "old", clock: 1, frame: 5), Make.result(2, "new", clock: 2, frame: 5)],
            after: 500)
        #expect(try fixture.rows().map(\.answer.label) == ["best"])
        _ = try fixture.store.purge(now: Make.after(1100))
        #expect(try fixture.rows().map(\.answer.label) == ["new"])
    }

    @Test func `Past the quota the oldest frames go, and no other frame is touched`() throws {
        // Each takes a block of the disk, 4 KiB, and four have room.
        let fixture = try StoreFixture(frameBytes: 16 << 10)
        let origin = Make.origin("leaf-a", .escalation)
        for index in 1...40 {
            try fixture.ingest([Make.escalation(UInt64(index), bytes: 300)], from: origin, after: 1)
            #expect(files(fixture) <= 4)
        }
        #expect(try fixture.store.stats().payloads == files(fixture))
        let kept = try fixture.rows { $0.withFrame = true }.map(\.sequence)
        #expect(kept.first == 40 && kept.count >= 1)
        #expect(try fixture.rows().count == 40)
        #expect(try audits(fixture).contains { $0.contains("\"reason\":\"quota\"") })
        // One that is larger than all the room is answered, and not kept.
        #expect(try fixture.ingest([Make.escalation(41, bytes: 17_000)], from: origin).taken == 1)
        #expect(try fixture.rows { $0.withFrame = true }.allSatisfy { $0.sequence != 41 })
    }

    @Test func `Files that no row names are swept, others stay`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest([Make.escalation(1)], from: Make.origin("leaf-a", .escalation))
        let stray = Digest(bytes: [UInt8](repeating: 0xAB, count: 32))!
        try fixture.store.payloads.put([1, 2], stray)
        #expect(try fixture.store.sweep() == 1)
        #expect(try fixture.store.sweep() == 0)
        #expect(files(fixture) == 1)
    }

    @Test func `A payload that the disk has changed is not given out`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest([Make.escalation(1)], from: Make.origin("leaf-a", .escalation))
        let digest = try #require(try fixture.rows()[0].payload)
        let path = fixture.store.payloads.path(digest)
        var bytes = try FileDisk().read(path, limit: 1000)
        bytes[50] ^= 1
        try FileDisk().replace(path, with: bytes)
        let fault = #expect(throws: Fault.self) { try fixture.store.payload(digest) }
        #expect(fault?.message.contains("damaged") == true)
    }

    @Test func `A row that the disk has changed is counted, not shown`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest((1...3).map { Make.result($0) })
        try fixture.store.write { (shelf) throws(Fault) in
            try shelf.database.run("UPDATE records SET label = '9' WHERE sequence = 2")
        }
        let page = try fixture.store.query(RecordQuery())
        #expect(page.rows.map(\.sequence) == [3, 1])
        #expect(page.damaged == 1)
    }

    @Test func `A store of a later version is left alone`() throws {
        let fixture = try StoreFixture()
        try fixture.store.write { (shelf) throws(Fault) in
            try shelf.database.run("PRAGMA user_version = 999")
        }
        let fault = #expect(throws: Fault.self) { try StoreFixture(folder: fixture.folder) }
        #expect(fault?.code == .precondition)
        #expect(fault?.message.contains("999") == true)
    }

    @Test func `An index that is damaged under way begins again and takes the batch`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest((1...2000).map { Make.result($0) })
        let path = "\(fixture.folder)/records.sqlite"
        // Everything into the file itself, and nothing of it in memory.
        try fixture.store.write { (shelf) throws(Fault) in
            try shelf.database.run("PRAGMA wal_checkpoint(TRUNCATE)")
            try shelf.database.run("PRAGMA cache_size = 0")
        }
        try overwrite(path, from: 4096)
        let taken = try fixture.ingest([Make.result(2001)])
        #expect(taken == Ingested(watermark: 0, taken: 1))
        #expect(fixture.faults.map(\.code) == [.corrupt])
        #expect(fixture.faults[0].description.contains("\(path).damaged-1"))
        #expect(try fixture.rows().map(\.sequence) == [2001])
        #expect(try fixture.store.report(Make.origin(), oldest: 2001, now: Make.start) == 2001)
    }

    /// Writes nonsense into a file in its place, as a failing disk does.
    private func overwrite(_ path: String, from start: Int) throws {
        var bytes = try FileDisk().read(path, limit: 1 << 26)
        for index in start..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        try InPlace.write(path, bytes)
    }
}
