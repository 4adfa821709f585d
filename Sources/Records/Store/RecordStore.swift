public import Ground
internal import Storage
internal import Synchronization

/// A hub's own store: what arrived, which frame each answer is about, and what was said to whom.
///
/// An index in SQLite and payloads as files under their digest. From any thread; calls block: never
/// call it on a loop, but through `Loop.offLoop`. When the index is damaged it is moved aside and
/// an empty one takes its place: `say` hears of it, and the nodes' reports (`report`) close the
/// hole.
public final class RecordStore: Sendable {
    public let folder: String
    let payloads: PayloadFolder
    private let say: @Sendable (Fault) -> Void
    private let writing: Locked<Shelf>
    private let reading: Locked<Reading>
    /// The sinks that have made themselves known, for an index that begins again.
    let sinks = Locked<[String: [SinkPart]]>([:])
    /// How often the index has begun again: readers of an earlier one open the new one.
    private let generation = Atomic(0)

    private struct Reading {
        var database: Database?
        var generation = 0
    }

    /// Opens the store in `folder`, or makes it.
    ///
    /// - Parameters:
    ///   - say: hears of damage and of what was lost by it. From any thread.
    /// - Throws: when there is no room or no right to write, or a later version wrote it.
    public init(
        folder: String, settings: RecordSettings, say: @escaping @Sendable (Fault) -> Void
    ) throws(Fault) {
        self.folder = folder
        self.say = say
        payloads = PayloadFolder("\(folder)/payloads")
        let disk = FileDisk()
        try disk.makeFolder(folder)
        try disk.makeFolder(payloads.folder)
        let (shelf, loss) = try Shelf.open("\(folder)/records.sqlite", settings, payloads)
        writing = Locked(shelf)
        reading = Locked(Reading())
        if let loss { say(loss) }
    }

    /// The reader first: the last to close puts the log into the file, and must be able to write.
    deinit {
        try? reading.with { $0.database = nil }
        try? writing.with { $0.close() }
    }

    /// Takes other limits over.
    public func adopt(_ settings: RecordSettings) throws(Fault) {
        try writing.with { (shelf) throws(Fault) in shelf.settings = settings }
    }

    /// Runs `body` on the index, alone. Damage that it meets is moved aside, and it runs once more.
    func write<Result: Sendable>(
        _ body: (Shelf) throws(Fault) -> Result
    ) throws(Fault) -> Result {
        try writing.with { (shelf) throws(Fault) in
            do throws(Fault) {
                return try body(shelf)
            } catch  where error.code == .corrupt {
                try beginAgain(&shelf, because: error)
                return try body(shelf)
            }
        }
    }

    private func beginAgain(_ shelf: inout Shelf, because fault: Fault) throws(Fault) {
        let (path, settings) = (shelf.database.path, shelf.settings)
        shelf.close()
        say(try DatabaseFile.moveAside(path, because: fault))
        shelf = try Shelf.open(path, settings, payloads).shelf
        for (name, parts) in try sinks.with({ $0 }).sorted(by: { $0.key < $1.key }) {
            try shelf.register(sink: name, parts)
        }
        generation.add(1, ordering: .sequentiallyConsistent)
    }

    /// Runs `body` on a second connection: what takes long keeps nobody from writing.
    func read<Result: Sendable>(
        _ body: (Database) throws(Fault) -> Result
    ) throws(Fault) -> Result {
        do throws(Fault) {
            return try reading.with { (reading) throws(Fault) in
                let now = generation.load(ordering: .sequentiallyConsistent)
                if reading.database == nil || reading.generation != now {
                    reading.database = nil
                    reading.database = try Database(
                        path: "\(folder)/records.sqlite", access: .reading)
                    reading.generation = now
                }
                return try body(reading.database!)
            }
        } catch  where error.code == .corrupt {
            // The writer looks by itself, and begins again if it finds the same.
            try write { (shelf) throws(Fault) in try shelf.database.check() }
            throw error
        }
    }
}

/// A value behind a lock.
final class Locked<Value>: @unchecked Sendable {
    // Unchecked: the value is touched with the lock held, and by nobody else.
    private let lock = Mutex(())
    private var value: Value

    init(_ value: Value) { self.value = value }

    func with<Result: Sendable>(
        _ body: (inout Value) throws(Fault) -> Result
    ) throws(Fault) -> Result {
        try lock.withLock { _ throws(Fault) in try body(&value) }
    }
}
