internal import CSQLite
internal import Ground

/// Turns a result of SQLite into a fault.
enum SQLiteFault {
    /// The fault of what was tried on the database at `path`.
    ///
    /// - Parameter handle: the connection, whose own words are used; `nil` when there is none.
    static func make(
        _ result: Int32, _ tried: String, _ path: String, _ handle: OpaquePointer?
    ) -> Fault {
        let words = String(cString: handle.map { sqlite3_errmsg($0) } ?? sqlite3_errstr(result))
        let (code, remedy, retry) = meaning(result & 0xFF)
        return Fault(
            code, "cannot \(tried) in \(path): \(words) (SQLite \(result))", remedy: remedy,
            retry: retry)
    }

    private static func meaning(_ primary: Int32) -> (Fault.Code, String?, Fault.Retry) {
        switch primary {
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            (.corrupt, "the file is damaged: look at the disk that it lies on", .never)
        case SQLITE_FULL: (.exhausted, "make room on this disk", .after(.seconds(1)))
        case SQLITE_NOMEM, SQLITE_TOOBIG: (.exhausted, nil, .never)
        case SQLITE_BUSY, SQLITE_LOCKED:
            (.unavailable, "another program holds the database", .after(.milliseconds(100)))
        case SQLITE_INTERRUPT: (.cancelled, nil, .never)
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH:
            (.forbidden, "give this user the right to write there", .never)
        case SQLITE_CANTOPEN: (.notFound, "check the path and who may use it", .never)
        case SQLITE_IOERR:
            (.unavailable, "look at the disk that it lies on", .after(.seconds(1)))
        case SQLITE_CONSTRAINT: (.precondition, nil, .never)
        default: (.inner, nil, .never)
        }
    }
}
