internal import Ground
internal import Storage

/// The writer's side of a store: one connection, and what it remembers of the file.
final class Shelf {
    private(set) var database: Database
    var settings: RecordSettings
    let payloads: PayloadFolder
    /// Bytes of payloads that the index knows.
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
        frameBytes =
            try database.first("SELECT coalesce(sum(bytes), 0) FROM frames") { $0.int(0) } ?? 0
        earlyLabels = try database.first("SELECT count(*) FROM early_labels") { $0.int(0) } ?? 0
    }

    /// Lets go of the file. Nothing but opening another shelf may follow.
    func close() { database.close() }
}
