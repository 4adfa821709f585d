internal import Ground
internal import Storage

/// The writer's side of a store: one connection, and what it remembers of the file.
final class Shelf {
    private(set) var database: Database
    var settings: RecordSettings
    let payloads: PayloadFolder
    /// Bytes of disk that the payloads take which the index knows.
    var frameBytes: Int
    /// Labels for requests whose records have not come yet.
    var earlyLabels: Int

    static func open(
        _ path: String, _ settings: RecordSettings, _ payloads: PayloadFolder
    ) throws(Fault) -> (shelf: Shelf, loss: Fault?) {
        let opened = try DatabaseFile.open(path, prepare: Schema.prepare)
        return (try Shelf(opened.database, settings, payloads), opened.loss)
    }

    private init(
        _ database: Database, _ settings: RecordSettings, _ payloads: PayloadFolder
    ) throws(Fault) {
        self.database = database
        self.settings = settings
        self.payloads = payloads
        frameBytes = try Self.diskBytes(of: "frames", database)
        earlyLabels = try database.first("SELECT count(*) FROM early_labels") { $0.int(0) } ?? 0
    }

    /// Bytes of disk that a file of so many takes: file systems give whole blocks.
    static func diskBytes(_ bytes: Int) -> Int { (bytes + block - 1) / block * block }

    /// Bytes of disk that the payloads of a table's rows take.
    static func diskBytes(of table: String, _ database: Database) throws(Fault) -> Int {
        let sum = "sum((bytes + \(block - 1)) / \(block) * \(block))"
        return try database.first("SELECT coalesce(\(sum), 0) FROM \(table)") { $0.int(0) } ?? 0
    }

    private static let block = 4096

    /// Lets go of the file. Nothing but opening another shelf may follow.
    func close() { database.close() }
}
