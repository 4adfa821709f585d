import Ground
import Storage
import Testing

@testable import Records

@Suite struct LabelTests {
    private typealias Make = StoreFixture

    private func truth(_ label: String, at seconds: Int64 = 1) -> TrueLabel {
        TrueLabel(label: label, at: Make.after(seconds), who: "operator")
    }

    private func score(_ fixture: StoreFixture) throws -> [String] {
        try fixture.store.accuracy(task: "digits").flatMap { group in
            group.classes.map {
                "\(group.tier?.rawValue ?? "-") \($0.truth) \($0.right)/\($0.total)"
            }
        }
    }

    @Test func `A label moves the accuracy of every bundle that answered the frame`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest([Make.escalation(1, "8")], from: Make.origin("leaf-a", .escalation))
        try fixture.ingest([Make.result(1, "7"), Make.result(2, "8")])
        let target = LabelTarget.request("request-1", task: "digits")
        let done = try fixture.store.label(target, truth("8"), now: Make.start)
        #expect(done.known && done.records.count == 1)
        #expect(try score(fixture) == ["leaf 8 0/1", "regional 8 1/1"])
        #expect(try fixture.rows { $0.truth = .wrong }.isEmpty)
        #expect(try fixture.rows { $0.truth = .labelled }.map(\.truth) == ["8"])
        #expect(try fixture.rows { $0.truth = .unlabelled }.map(\.sequence) == [2])
    }

    @Test func `A later label takes an earlier one's place, whichever comes first`() throws {
        for order in [[1, 5], [5, 1], [5, 5, 1, 1]] as [[Int64]] {
            let fixture = try StoreFixture()
            try fixture.ingest([Make.result(1, "7")])
            let id = try fixture.rows()[0].key.description
            for at in order {
                let label = truth(at == 5 ? "7" : "1", at: at)
                _ = try fixture.store.label(.record(id), label, now: Make.start)
            }
            #expect(try score(fixture) == ["leaf 7 1/1"])
        }
    }

    @Test func `A label that comes before its record waits for it`() throws {
        let fixture = try StoreFixture()
        let target = LabelTarget.request("request-6", task: "digits")
        #expect(try fixture.store.label(target, truth("1"), now: Make.start).known == false)
        #expect(try fixture.store.stats().waitingLabels == 1)
        try fixture.ingest([Make.result(1, "7", frame: 6), Make.result(2, "1", frame: 8)])
        #expect(try score(fixture) == ["leaf 1 0/1"])
        #expect(try fixture.store.stats().waitingLabels == 0)
        // Another answer about the same frame counts as soon as it comes.
        try fixture.ingest(
            [Make.result(1, "1", node: "region", tier: .regional, frame: 6)],
            from: Make.origin("leaf-b"))
        #expect(try score(fixture) == ["leaf 1 0/1", "regional 1 1/1"])
    }

    @Test func `A label that comes with a node's results is for that node's frame alone`() throws {
        let fixture = try StoreFixture()
        let other = Make.origin("leaf-b")
        try fixture.ingest([Make.result(1, "7", node: "leaf-b", frame: 1)], from: other)
        // The same request id, of another camera.
        var record = Make.result(1, "7", frame: 1)
        if case .result(var answer) = record.body {
            answer.frame = FrameName(stream: "cam-9", sequence: 1)
            record.body = .result(answer)
        }
        let label = Owed(
            sequence: 2, at: Make.start, clock: 0,
            .label(request: "request-1", task: "digits", truth("7")))
        for _ in 1...2 { try fixture.ingest([record, label]) }
        #expect(try fixture.rows { $0.truth = .labelled }.map(\.origin.node) == ["leaf-a"])
        #expect(try score(fixture) == ["leaf 7 1/1"])
        // Before its record it waits; in another queue it is no label.
        let early = Owed(
            sequence: 3, at: Make.start, clock: 0,
            .label(request: "request-9", task: "digits", truth("7")))
        try fixture.ingest([early, Make.result(4, "1", frame: 9)])
        #expect(try score(fixture) == ["leaf 7 1/2"])
        // Another node's request of that id is another frame, whichever comes first.
        let first = Owed(
            sequence: 5, at: Make.start, clock: 0,
            .label(request: "request-3", task: "digits", truth("5")))
        try fixture.ingest([first])
        try fixture.ingest([Make.result(3, "5", node: "leaf-b", frame: 3)], from: other)
        #expect(try score(fixture) == ["leaf 7 1/2"])
        #expect(try fixture.store.stats().waitingLabels == 1)
        try fixture.ingest([Make.result(6, "4", frame: 3)])
        #expect(try fixture.store.stats().waitingLabels == 0)
        #expect(throws: Fault.self) {
            try fixture.ingest([label], from: Make.origin("leaf-a", .escalation))
        }
    }

    @Test func `Labels that waited in a store of an earlier version go on waiting`() throws {
        let fixture = try StoreFixture()
        try fixture.store.write { (shelf) throws(Fault) in
            try shelf.database.script(
                """
                DROP TABLE early_labels;
                CREATE TABLE early_labels (
                    request TEXT NOT NULL, task TEXT NOT NULL, label TEXT NOT NULL,
                    at INTEGER NOT NULL, who TEXT NOT NULL, received INTEGER NOT NULL,
                    PRIMARY KEY (request, task));
                INSERT INTO early_labels VALUES ('request-6', 'digits', '7', 1, 'me', 1);
                PRAGMA user_version = 3;
                """)
        }
        let later = try StoreFixture(folder: fixture.folder)
        try later.ingest([Make.result(1, "7", frame: 6)])
        #expect(try score(later) == ["leaf 7 1/1"])
    }

    @Test func `Purged records leave the accuracy as it is`() throws {
        let fixture = try StoreFixture()
        try fixture.ingest([Make.result(1, "7")])
        let target = LabelTarget.request("request-1", task: "digits")
        _ = try fixture.store.label(target, truth("7"), now: Make.start)
        _ = try fixture.store.purge(now: Make.after(5000))
        #expect(try fixture.rows().isEmpty)
        #expect(try score(fixture) == ["leaf 7 1/1"])
    }

    @Test func `A record is named by the first digits of its id, and by nothing less clear`() throws
    {
        let fixture = try StoreFixture()
        try fixture.ingest((1...3).map { Make.result($0) })
        let id = try fixture.rows()[0].key.description
        let done = try fixture.store.label(
            .record(String(id.prefix(8)).uppercased()), truth("1"), now: Make.start)
        #expect(done.records.map(\.description) == [id])
        func code(_ id: String) -> Fault.Code? {
            do throws(Fault) {
                _ = try fixture.store.answers(record: id)
                return nil
            } catch { return error.code }
        }
        #expect(code(String(id.prefix(5))) == .invalid)
        #expect(code("zzzzzzzz") == .invalid)
        #expect(code(id + "0") == .invalid)
        #expect(code("00000000") == .notFound)
    }
}
