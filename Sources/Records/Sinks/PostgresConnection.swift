internal import CPQ
internal import Ground

/// One connection to a PostgreSQL server. Calls block; one thread.
final class PostgresConnection {
    private let library: Library
    private let handle: OpaquePointer

    /// libpq, opened once.
    private struct Library: @unchecked Sendable {
        // Unchecked: a table of functions that nothing changes.
        let table: UnsafePointer<canopy_pq_functions>

        static let shared: Result<Library, Fault> = {
            let reason = UnsafeMutablePointer<CChar>.allocate(capacity: 512)
            defer { reason.deallocate() }
            reason.pointee = 0
            if let table = canopy_pq_open(reason, 512) { return .success(Library(table: table)) }
            return .failure(
                Fault(
                    .precondition, "libpq cannot be opened: \(String(cString: reason))",
                    remedy: "apt-get install libpq5"))
        }()
    }

    /// Connects. `parameters` are libpq's own: host, port, dbname, user, password, sslmode…
    ///
    /// - Throws: `unavailable` when the server cannot be reached or refuses.
    init(_ parameters: [(key: String, value: String)], to place: String) throws(Fault) {
        library = try Library.shared.get()
        let functions = library.table.pointee
        let made = Self.withTexts(parameters.map(\.key)) { keys in
            Self.withTexts(parameters.map(\.value)) { values in
                functions.connect(keys, values, 0)
            }
        }
        guard let made else { throw Fault(.exhausted, "libpq has no memory for a connection") }
        guard functions.status(made) == CANOPY_PQ_CONNECTION_OK else {
            let words = Self.line(functions.error(made))
            functions.finish(made)
            throw Fault(
                .unavailable, "PostgreSQL at \(place) cannot be reached: \(words)", source: .peer,
                retry: .after(.seconds(1)))
        }
        handle = made
    }

    deinit { library.table.pointee.finish(handle) }

    /// Runs statements without values.
    func run(_ text: String) throws(Fault) {
        let result = library.table.pointee.execute(handle, text)
        try check(result, text)
        library.table.pointee.clear(result!)
    }

    /// Runs one statement with values, `$1` and on; as texts, null for `nil`.
    ///
    /// - Returns: the first column of its rows.
    @discardableResult
    func run(_ text: String, _ values: [String?]) throws(Fault) -> [String] {
        let functions = library.table.pointee
        let result = Self.withTexts(values) { pointers in
            functions.execute_with(
                handle, text, Int32(values.count), nil, pointers, nil, nil, 0)
        }
        try check(result, text)
        defer { functions.clear(result!) }
        return (0..<functions.rows(result!)).map { row in
            functions.value(result!, row, 0).map { String(cString: $0) } ?? ""
        }
    }

    /// Runs `body` in one transaction.
    func transaction(_ body: () throws(Fault) -> Void) throws(Fault) {
        try run("BEGIN")
        do throws(Fault) {
            try body()
            try run("COMMIT")
        } catch {
            // On a broken connection this fails too, and the server rolls back by itself.
            try? run("ROLLBACK")
            throw error
        }
    }

    private func check(_ result: OpaquePointer?, _ text: String) throws(Fault) {
        let functions = library.table.pointee
        guard let result else {
            throw Fault(
                .unavailable, "PostgreSQL: \(Self.line(functions.error(handle)))", source: .peer,
                retry: .after(.seconds(1)))
        }
        let status = functions.result_status(result)
        if status == CANOPY_PQ_COMMAND_OK || status == CANOPY_PQ_TUPLES_OK { return }
        let state =
            functions.result_field(result, CInt(CANOPY_PQ_DIAG_SQLSTATE))
            .map { String(cString: $0) } ?? ""
        let words = Self.line(functions.result_error(result))
        functions.clear(result)
        throw Fault(
            Self.code(state), "PostgreSQL refuses “\(text.prefix(60))”: \(words) (\(state))",
            source: .peer, retry: .after(.seconds(1)))
    }

    /// By the class of SQLSTATE: the server's state, its room, its rights, or what we say.
    private static func code(_ state: String) -> Fault.Code {
        switch state.prefix(2) {
        case "", "08", "57", "58", "40", "55": .unavailable
        case "53", "54": .exhausted
        case "28",
            "42" where state == "42501":
            .forbidden
        default: .inner
        }
    }

    private static func line(_ words: UnsafeMutablePointer<CChar>?) -> String {
        guard let words else { return "no reason given" }
        return String(cString: words).split(whereSeparator: \.isNewline).joined(separator: "; ")
    }

    /// Gives C strings, and a null at the end, for the time of the call.
    private static func withTexts<Result>(
        _ texts: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
    ) -> Result {
        let copies = texts.map { text in text.map { copy($0) } }
        defer { for copy in copies { copy?.deallocate() } }
        let pointers = copies.map { $0.map { UnsafePointer($0) } } + [nil]
        return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
    }

    /// A text may hold a NUL, which C and PostgreSQL cannot: it becomes U+FFFD.
    private static func copy(_ text: String) -> UnsafeMutablePointer<CChar> {
        var units: [UInt8] = []
        for unit in text.utf8 {
            unit == 0 ? units.append(contentsOf: [0xEF, 0xBF, 0xBD]) : units.append(unit)
        }
        let room = UnsafeMutablePointer<CChar>.allocate(capacity: units.count + 1)
        for (index, unit) in units.enumerated() { room[index] = CChar(bitPattern: unit) }
        room[units.count] = 0
        return room
    }
}
