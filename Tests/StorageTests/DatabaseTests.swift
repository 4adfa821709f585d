import Ground
import Testing

@testable import Storage

@Suite struct DatabaseTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func open() throws(Fault) -> DatabaseFile.Opened {
        try DatabaseFile.open(folder["some.sqlite"]) { database throws(Fault) in
            try database.script("CREATE TABLE IF NOT EXISTS things (id INTEGER PRIMARY KEY, name)")
        }
    }

    private func fill(_ database: Database, _ count: Int) throws {
        try database.transaction { () throws(Fault) in
            for index in 0..<count {
                try database.run(
                    "INSERT INTO things (name) VALUES (?)", [.text("thing \(index)")])
            }
        }
    }

    @Test func `Values come back as they were given`() throws {
        let database = try open().database
        let values: [SQLValue] = [
            .null, .integer(.min), .integer(.max), .real(0.1), .real(-.infinity), .text(""),
            .text("Müller\u{0}x"), .blob([]), .blob([0, 255]),
        ]
        for value in values {
            let read = try database.first("SELECT ?", [value]) { $0.value(0) }
            #expect(read == value)
        }
        #expect(try database.first("SELECT ?", [.bits(.max)]) { $0.bits(0) } == .max)
    }

    @Test func `A transaction that throws leaves nothing behind`() throws {
        let database = try open().database
        try fill(database, 3)
        #expect(throws: Fault.self) {
            try database.transaction { () throws(Fault) in
                try database.run("DELETE FROM things")
                throw Fault(.cancelled, "somebody changed their mind")
            }
        }
        #expect(try database.first("SELECT count(*) FROM things") { $0.int(0) } == 3)
        // And the next one works.
        try fill(database, 1)
        #expect(try database.first("SELECT count(*) FROM things") { $0.int(0) } == 4)
    }

    @Test func `Faults have a kind and name the file`() throws {
        let database = try open().database
        let fault = #expect(throws: Fault.self) {
            try database.run("INSERT INTO nowhere VALUES (1)")
        }
        #expect(fault?.message.contains("some.sqlite") == true)
        let constraint = #expect(throws: Fault.self) {
            try database.run("INSERT INTO things VALUES (1, 'a'), (1, 'b')")
        }
        #expect(constraint?.code == .precondition)
        let missing = #expect(throws: Fault.self) {
            try Database(path: folder["missing/some.sqlite"])
        }
        #expect(missing?.code == .notFound)
        #expect(throws: Fault.self) { try database.run("SELECT ?", []) }
    }

    @Test func `A query may run inside the rows of the same query`() throws {
        let database = try open().database
        try fill(database, 3)
        var pairs = 0
        try database.each("SELECT id FROM things") { _ throws(Fault) in
            try database.each("SELECT id FROM things") { _ in
                pairs += 1
                return true
            }
            return true
        }
        #expect(pairs == 9)
    }

    @Test func `A reader sees what was committed, while a writer is at work`() throws {
        let writer = try open().database
        try fill(writer, 2)
        let reader = try Database(path: writer.path, access: .reading)
        try writer.transaction { () throws(Fault) in
            try writer.run("DELETE FROM things")
            #expect(try reader.first("SELECT count(*) FROM things") { $0.int(0) } == 2)
        }
        #expect(try reader.first("SELECT count(*) FROM things") { $0.int(0) } == 0)
        #expect(throws: Fault.self) { try reader.run("DELETE FROM things") }
    }

    @Test(arguments: [0, 20, 100, 4096, 8192])
    func `A damaged database is moved aside, and an empty one takes its place`(at: Int) throws {
        var opened = try open()
        try fill(opened.database, 2000)
        let path = opened.database.path
        opened.database.close()
        var bytes = try FileDisk().read(path, limit: 1 << 24)
        for index in at..<at + 64 { bytes[index] ^= 0xA5 }
        try FileDisk().replace(path, with: bytes)

        opened = try open()
        let loss = try #require(opened.loss)
        #expect(loss.code == .corrupt)
        #expect(loss.description.contains("\(path).damaged-1"))
        #expect(try FileDisk().read("\(path).damaged-1", limit: 1 << 24) == bytes)
        #expect(try opened.database.first("SELECT count(*) FROM things") { $0.int(0) } == 0)
        try fill(opened.database, 1)
        opened.database.close()
        #expect(try open().loss == nil)
    }

    @Test func `At most three damaged databases are kept`() throws {
        for _ in 0..<5 {
            let database = try open().database
            database.close()
            try FileDisk().replace(database.path, with: Array("no database at all, really".utf8))
            #expect(try open().loss != nil)
        }
        let names = try FileDisk().list(folder.path).filter { $0.contains("damaged") }
        #expect(names == (1...3).map { "some.sqlite.damaged-\($0)" })
    }
}
