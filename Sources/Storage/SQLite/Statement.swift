internal import CSQLite
internal import Ground

/// One prepared statement.
final class Statement {
    private var handle: OpaquePointer?
    private let connection: OpaquePointer
    private let path: String
    private(set) var isBusy = false

    init(_ text: String, _ connection: OpaquePointer, _ path: String) throws(Fault) {
        self.connection = connection
        self.path = path
        let result = sqlite3_prepare_v2(connection, text, -1, &handle, nil)
        guard result == SQLITE_OK, handle != nil else {
            throw SQLiteFault.make(result, "prepare “\(text.prefix(60))”", path, connection)
        }
    }

    deinit { finalize() }

    /// Before its connection is closed.
    func finalize() {
        sqlite3_finalize(handle)
        handle = nil
    }

    func bind(_ values: [SQLValue]) throws(Fault) {
        isBusy = true
        let expected = Int(sqlite3_bind_parameter_count(handle))
        guard values.count == expected else {
            throw Fault(.inner, "a statement for \(expected) values was given \(values.count)")
        }
        for (index, value) in values.enumerated() {
            let result = bind(value, Int32(index + 1))
            guard result == SQLITE_OK else { throw fault(result, "bind a value") }
        }
    }

    private func bind(_ value: SQLValue, _ index: Int32) -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(handle, index)
        case .integer(let number): return sqlite3_bind_int64(handle, index, number)
        case .real(let number): return sqlite3_bind_double(handle, index, number)
        case .text(var text):
            return text.withUTF8 { units in
                // An empty text may have no address, and SQLite would take it for null.
                guard let base = units.baseAddress else {
                    return canopy_sqlite_bind_text(handle, index, "", 0)
                }
                return base.withMemoryRebound(to: CChar.self, capacity: units.count) {
                    canopy_sqlite_bind_text(handle, index, $0, Int32(units.count))
                }
            }
        case .blob(let bytes):
            return bytes.withUnsafeBytes {
                canopy_sqlite_bind_blob(handle, index, $0.baseAddress, Int32($0.count))
            }
        }
    }

    /// Whether there is another row.
    func step() throws(Fault) -> Bool {
        let result = sqlite3_step(handle)
        switch result {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw fault(result, "run “\(String(cString: sqlite3_sql(handle)).prefix(60))”")
        }
    }

    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
        isBusy = false
    }

    var row: Row { Row(handle) }

    private func fault(_ result: Int32, _ tried: String) -> Fault {
        SQLiteFault.make(result, tried, path, connection)
    }
}

/// The row that a statement stands at; valid while the closure runs that it was given to. Columns
/// count from 0.
public struct Row {
    private let handle: OpaquePointer?

    init(_ handle: OpaquePointer?) { self.handle = handle }

    /// The column as it is.
    public func value(_ column: Int) -> SQLValue {
        switch sqlite3_column_type(handle, Int32(column)) {
        case SQLITE_INTEGER: .integer(integer(column))
        case SQLITE_FLOAT: .real(real(column))
        case SQLITE_TEXT: .text(text(column))
        case SQLITE_BLOB: .blob(blob(column))
        default: .null
        }
    }

    public func isNull(_ column: Int) -> Bool {
        sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL
    }

    public func integer(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(column)) }

    public func int(_ column: Int) -> Int { Int(integer(column)) }

    /// The number whose bits were given.
    public func bits(_ column: Int) -> UInt64 { UInt64(bitPattern: integer(column)) }

    public func bool(_ column: Int) -> Bool { integer(column) != 0 }

    public func real(_ column: Int) -> Double { sqlite3_column_double(handle, Int32(column)) }

    /// The text; empty for null.
    public func text(_ column: Int) -> String {
        guard let units = sqlite3_column_text(handle, Int32(column)) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, Int32(column)))
        return String(decoding: UnsafeBufferPointer(start: units, count: count), as: UTF8.self)
    }

    /// The bytes; empty for null.
    public func blob(_ column: Int) -> [UInt8] {
        guard let bytes = sqlite3_column_blob(handle, Int32(column)) else { return [] }
        let count = Int(sqlite3_column_bytes(handle, Int32(column)))
        return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }
}
