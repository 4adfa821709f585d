import Foundation
import Ground
import Storage
import Testing
import Wire

@testable import Gateway

/// What a node remembers of the answers that it owes, on disk.
@Suite struct ReceiptBookTests {
    private static let now = WallTime(nanoseconds: 1_700_000_000_000_000_000)
    private static let later = WallTime(nanoseconds: 1_700_000_060_000_000_000)
    private let folder = "/tmp/canopy-receipts-\(UInt64.random(in: .min ... .max))"

    private func promises(_ range: ClosedRange<UInt64>) -> [(ReceiptBook.Promise, UInt64)] {
        range.map { number in
            (
                ReceiptBook.Promise(
                    id: "r\(number)", task: "digits", request: "q\(number)", at: Self.now), number
            )
        }
    }

    private var answer: [UInt8] {
        var response = InferResponse(
            model: "digits", outputs: [InferTensor(name: "label", elements: [Array("7".utf8)])])
        response.parameters["canopy.tier"] = .string("regional")
        response.parameters["canopy.node"] = .string("region")
        response.parameters["canopy.confidence"] = .double(0.75)
        return response.encode().flatMap(\.array)
    }

    @Test func `A receipt is open, settled or failed, and says what came of it`() throws {
        let book = try ReceiptBook(folder: folder) { _ in }
        try book.promise(promises(1...5))
        try book.settle([("r2", 2, .answered(answer)), ("r3", 3, .lost("no"))], at: Self.later)
        try book.lose(4...4, "dropped", at: Self.later)
        let page = try book.page(ReceiptsQuery())
        #expect(page.receipts.map(\.receipt) == ["r5", "r4", "r3", "r2", "r1"])
        #expect(page.receipts.map(\.state) == [.open, .failed, .failed, .settled, .open])
        #expect((page.open, page.settled, page.failed) == (2, 1, 2))
        let settled = page.receipts[3]
        #expect(settled.label == "7" && settled.answeredBy == "region")
        #expect(settled.tier == "regional")
        #expect(settled.confidence == 0.75 && settled.request == "q2" && settled.task == "digits")
        #expect(settled.promisedAt == Self.now && settled.endedAt == Self.later)
        #expect(page.receipts[1].error == "dropped" && page.receipts[2].error == "no")
        #expect(page.receipts[0].endedAt == nil)
        for (state, ids) in [
            (ReceiptState.open, ["r5", "r1"]), (.settled, ["r2"]), (.failed, ["r4", "r3"]),
        ] {
            let found = try book.page(ReceiptsQuery(state: state)).receipts.map(\.receipt)
            #expect(found == ids)
        }
        #expect(try book.page(ReceiptsQuery(receipt: "r3")).receipts.map(\.state) == [.failed])
        #expect(try book.page(ReceiptsQuery(receipt: "x")).receipts.isEmpty)
    }

    @Test func `An answer that is there is not lost again`() throws {
        let book = try ReceiptBook(folder: folder) { _ in }
        try book.promise(promises(1...1))
        try book.settle([("r1", 1, .answered(answer))], at: Self.now)
        try book.settle([("r1", 1, .lost("none"))], at: Self.later)
        #expect(try book.page(ReceiptsQuery()).receipts.map(\.state) == [.settled])
    }

    @Test func `Page after page shows each receipt once`() throws {
        let book = try ReceiptBook(folder: folder) { _ in }
        try book.promise(promises(1...25))
        var (seen, before) = ([String](), UInt64(0))
        repeat {
            let page = try book.page(ReceiptsQuery(before: before, limit: 10))
            #expect(page.receipts.count <= 10 && page.open == 25)
            seen += page.receipts.map(\.receipt)
            before = page.next
        } while before != 0
        #expect(seen == (1...25).reversed().map { "r\($0)" })
    }

    @Test func `The book of an earlier version is read, and goes on`() throws {
        try FileDisk().makeFolder(folder)
        let opened = try DatabaseFile.open("\(folder)/receipts.sqlite") {
            (database) throws(Fault) in
            try database.script(
                """
                CREATE TABLE receipts (
                    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL,
                    answer BLOB, lost TEXT);
                INSERT INTO receipts (id, sequence) VALUES ('old', 1);
                """)
        }
        opened.database.close()
        for _ in 1...2 {
            let book = try ReceiptBook(folder: folder) { Issue.record("\($0)") }
            try book.promise(promises(2...2))
            let page = try book.page(ReceiptsQuery())
            #expect(page.receipts.map(\.receipt) == ["r2", "old"])
            #expect(page.receipts[1].promisedAt == nil && page.receipts[1].state == .open)
            book.close()
        }
    }

    @Test func `A book that is damaged under way begins again, and nothing is held up`() throws {
        var faults: [Fault] = []
        let book = try ReceiptBook(folder: folder) { faults.append($0) }
        try book.promise(promises(1...2_000))
        let path = "\(folder)/receipts.sqlite"
        // Everything into the file itself. Another's change has the book read what lies there.
        let other = try Database(path: path)
        try other.run("DELETE FROM receipts WHERE id = 'r1'")
        try other.run("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: 4096)
        try file.write(contentsOf: Data(repeating: 0x5A, count: 64 << 10))
        try file.close()
        try book.promise(promises(2_001...2_001))
        #expect(faults.map(\.code) == [.corrupt])
        #expect(faults[0].description.contains("\(path).damaged-1"))
        // A settlement of a receipt that the damage took is found all the same.
        try book.settle([("r7", 7, .answered(answer))], at: Self.later)
        #expect(try book.page(ReceiptsQuery()).receipts.map(\.receipt) == ["r7", "r2001"])
        #expect(faults.count == 1)
    }
}
