public import Ground

/// Where a PostgreSQL server is, and as whom it is spoken to.
public struct PostgresSettings: Sendable {
    public var endpoint: Endpoint
    public var database: String
    public var user: String
    /// Read anew for each connection; `nil` shows none.
    public var password: (@Sendable () throws(Fault) -> String)?
    /// Whether the server must show a certificate for its host.
    public var tls: Bool
    /// PEM file of the authorities that are believed; `nil` is the machine's own.
    public var authority: String?

    public init(
        _ endpoint: Endpoint, database: String, user: String, tls: Bool, authority: String? = nil,
        password: (@Sendable () throws(Fault) -> String)? = nil
    ) {
        self.endpoint = endpoint
        self.database = database
        self.user = user
        self.tls = tls
        self.authority = authority
        self.password = password
    }
}

/// Hands a store's records, labels, gaps and notes on to a PostgreSQL server: each once, whatever
/// breaks on the way, since every row has a key that the records themselves make. Calls block; one
/// thread.
public final class PostgresSink {
    /// Rows of one transaction: a statement of as many rows has 26,000 of the 65,535 values that
    /// one may have.
    static let batch = 1000
    /// How long the server may take to be reached, and to run one statement.
    static let connectSeconds = 5
    static let statementSeconds = 30

    private let store: RecordStore
    private let name: String
    private let keeper: String
    private let settings: PostgresSettings
    private var connection: PostgresConnection?

    /// - Parameters:
    ///   - name: the sink's place in the store goes by it.
    ///   - keeper: the node whose store it is.
    public init(
        _ store: RecordStore, name: String, keeper: String, _ settings: PostgresSettings
    ) throws(Fault) {
        self.store = store
        self.name = name
        self.keeper = keeper
        self.settings = settings
        try store.register(sink: name, parts: [.records, .truths, .gaps, .notes])
    }

    /// Hands one batch of each kind on. What it throws leaves the place where it was: the same rows
    /// are handed on again.
    ///
    /// - Returns: how many rows were handed on; 0 when nothing is due.
    public func step() throws(Fault) -> Int {
        do throws(Fault) {
            return try records() + truths() + gaps() + notes()
        } catch {
            // A connection that failed once is not trusted again.
            connection = nil
            throw error
        }
    }

    /// The connection, made and migrated when there is none.
    private func connected() throws(Fault) -> PostgresConnection {
        if let connection { return connection }
        let made = try PostgresConnection(try parameters(), to: "\(settings.endpoint)")
        try migrate(made)
        connection = made
        return made
    }

    private func parameters() throws(Fault) -> [(key: String, value: String)] {
        var all = [
            ("host", settings.endpoint.host), ("port", "\(settings.endpoint.port)"),
            ("dbname", settings.database), ("user", settings.user),
            ("application_name", "canopy \(keeper)"), ("client_encoding", "UTF8"),
            ("connect_timeout", "\(Self.connectSeconds)"),
            ("sslmode", settings.tls ? "verify-full" : "disable"),
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "\(Self.statementSeconds * 1000)"),
            ("options", "-c statement_timeout=\(Self.statementSeconds)s"),
        ]
        if let authority = settings.authority { all.append(("sslrootcert", authority)) }
        if let password = settings.password { all.append(("password", try password())) }
        return all
    }

    private func migrate(_ connection: PostgresConnection) throws(Fault) {
        try connection.transaction { () throws(Fault) in
            // Of several nodes that start, one makes the tables and the others wait for it.
            try connection.run("SELECT pg_advisory_xact_lock($1)", ["\(PostgresSchema.lock)"])
            try connection.run("CREATE TABLE IF NOT EXISTS canopy_schema (version int NOT NULL)")
            let found = try connection.run("SELECT max(version) FROM canopy_schema", [])
            let version = Int(found.first ?? "") ?? 0
            guard version <= PostgresSchema.steps.count else {
                throw Fault(
                    .precondition,
                    "the database \(settings.database) is of version \(version), "
                        + "this program knows \(PostgresSchema.steps.count)",
                    remedy: "use the newer program for all nodes that write there")
            }
            for (index, step) in PostgresSchema.steps.enumerated().dropFirst(version) {
                try connection.run(step)
                try connection.run("INSERT INTO canopy_schema VALUES ($1)", ["\(index + 1)"])
            }
        }
    }

    // MARK: What is handed on

    private func records() throws(Fault) -> Int {
        let due = try store.dueRecords(name, limit: Self.batch)
        return try hand(
            due, .records, "canopy_records", columns: 26, "ON CONFLICT DO NOTHING", values)
    }

    private func values(_ row: RecordRow) -> [String?] {
        let answer = row.answer
        return place(row.origin, row.sequence) + [
            row.key.description, "\(row.clock)", "\(row.received.nanoseconds)",
            "\(row.at.nanoseconds)", "\(answer.answeredAt.nanoseconds)", answer.task,
            answer.frame?.stream, answer.frame.map { "\($0.sequence)" },
            "\(answer.tier.standing)", answer.tier?.rawValue, answer.node,
            answer.bundle?.description, answer.label, answer.confidence.map { "\($0)" },
            "\(answer.accepted)", answer.degraded, "\(answer.approved)",
            "\(answer.latency.nanoseconds / 1000)", Hex.text(answer.trace), answer.request, keeper,
        ]
    }

    private func truths() throws(Fault) -> Int {
        // The later label counts, also when another node has written one meanwhile.
        try hand(
            try store.dueTruths(name, limit: Self.batch), .truths, "canopy_truths", columns: 4,
            """
            ON CONFLICT (id) DO UPDATE SET label = excluded.label,
            labelled_ns = excluded.labelled_ns, who = excluded.who
            WHERE (excluded.labelled_ns, excluded.label COLLATE "C")
            > (canopy_truths.labelled_ns, canopy_truths.label COLLATE "C")
            """
        ) { truth in
            [
                truth.key.description, truth.label.label, "\(truth.label.at.nanoseconds)",
                truth.label.who,
            ]
        }
    }

    private func gaps() throws(Fault) -> Int {
        try hand(
            try store.dueGaps(name, limit: Self.batch), .gaps, "canopy_gaps", columns: 8,
            "ON CONFLICT DO NOTHING"
        ) { gap in
            place(gap.origin, gap.first) + [
                "\(gap.last)", gap.reason, "\(gap.received.nanoseconds)",
            ]
        }
    }

    private func notes() throws(Fault) -> Int {
        try hand(
            try store.dueNotes(name, limit: Self.batch), .notes, "canopy_notes", columns: 9,
            "ON CONFLICT DO NOTHING"
        ) { note in
            place(note.origin, note.sequence) + [
                "\(note.at.nanoseconds)", "\(note.clock)", "\(note.received.nanoseconds)",
                "\\x" + Hex.text(note.body),
            ]
        }
    }

    private func place(_ origin: Origin, _ sequence: UInt64) -> [String?] {
        [origin.site, origin.node, "\(origin.epoch)", origin.queue.rawValue, "\(sequence)"]
    }

    /// One statement, one transaction; then the sink's place moves. Between the two the process may
    /// end: the same rows come again, and the keys let them change nothing.
    private func hand<Item>(
        _ due: Due<Item>, _ part: SinkPart, _ table: String, columns: Int, _ conflict: String,
        _ values: (Item) -> [String?]
    ) throws(Fault) -> Int {
        guard let through = due.through else { return 0 }
        if !due.items.isEmpty {
            let rows = due.items.indices.map { row in
                "(" + (1...columns).map { "$\(row * columns + $0)" }.joined(separator: ",") + ")"
            }
            try connected().run(
                "INSERT INTO \(table) VALUES \(rows.joined(separator: ",")) \(conflict)",
                due.items.flatMap(values))
        }
        try store.advance(name, part, to: through)
        return due.items.count
    }
}
