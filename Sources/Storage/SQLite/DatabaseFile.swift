import Glibc
public import Ground

/// Opens a database that must not stop the program: what is damaged is moved aside, and an empty
/// one takes its place.
public enum DatabaseFile {
    /// What was opened.
    public struct Opened {
        public let database: Database
        /// What was wrong with the file that lay there, and where it lies now; `nil` when all was
        /// well. Whoever opens says it loudly: something was lost.
        public let loss: Fault?
    }

    /// Files up to this size are read whole when they are opened, which takes a second for some
    /// hundred megabytes; of larger ones the head and what opening touches are looked at, the rest
    /// when it is read.
    public static let checkedBytes = 256 << 20
    /// Damaged files that are kept beside a database: enough to see how it began, and bounded.
    public static let keptLimit = 3

    /// Opens the database at `path` and lets `prepare` bring its schema up to date.
    ///
    /// - Throws: every fault but damage: no room, no right, a schema of a later version.
    public static func open(
        _ path: String, prepare: (Database) throws(Fault) -> Void
    ) throws(Fault) -> Opened {
        do throws(Fault) {
            return Opened(database: try sound(path, prepare), loss: nil)
        } catch  where error.code == .corrupt {
            let loss = try moveAside(path, because: error)
            return Opened(database: try sound(path, prepare), loss: loss)
        }
    }

    private static func sound(
        _ path: String, _ prepare: (Database) throws(Fault) -> Void
    ) throws(Fault) -> Database {
        let database = try Database(path: path)
        do throws(Fault) {
            if FileDisk().size(path) ?? 0 <= checkedBytes { try database.check() }
            try prepare(database)
        } catch {
            database.close()
            throw error
        }
        return database
    }

    /// Renames the database and its log; no connection to it may be open. The fault says where it
    /// lies now.
    public static func moveAside(_ path: String, because cause: Fault) throws(Fault) -> Fault {
        let disk = FileDisk()
        let target = spare(path, disk)
        // The log first: left behind, it would be replayed into the new database.
        for suffix in ["-wal", "-shm", ""] where disk.kind(path + suffix) != nil {
            try disk.rename(path + suffix, to: target + suffix)
        }
        return Fault(
            .corrupt, "the database \(path) is damaged and begins again, empty",
            remedy: "the damaged one is \(target); look at the disk that it lies on", cause: cause)
    }

    /// A free name, or the last one, whose file is overwritten.
    private static func spare(_ path: String, _ disk: FileDisk) -> String {
        for number in 1..<keptLimit where disk.kind("\(path).damaged-\(number)") == nil {
            return "\(path).damaged-\(number)"
        }
        return "\(path).damaged-\(keptLimit)"
    }
}
