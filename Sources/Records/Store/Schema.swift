internal import Ground
internal import Storage

/// The tables of the embedded store. `PRAGMA user_version` says which of `steps` a file has.
enum Schema {
    /// Tells a record store's file from any other database: “Cnpy”.
    private static let application = 0x436E_7079

    /// Each step once released stays as it is; a change is a step more.
    private static let steps = [first, nodes, live, waiting]

    static func prepare(_ database: Database) throws(Fault) {
        let version = try database.first("PRAGMA user_version") { $0.int(0) } ?? 0
        guard version <= steps.count else {
            throw Fault(
                .precondition,
                "\(database.path) is of version \(version), this program knows \(steps.count)",
                remedy: "use the program that wrote it, or name another folder")
        }
        for (index, step) in steps.enumerated().dropFirst(version) {
            try database.transaction { () throws(Fault) in
                try database.script(step)
                try database.run("PRAGMA application_id = \(application)")
                try database.run("PRAGMA user_version = \(index + 1)")
            }
        }
    }

    /// Refuses a database of another version, for those who may not change it.
    static func require(_ database: Database) throws(Fault) {
        let version = try database.first("PRAGMA user_version") { $0.int(0) } ?? 0
        guard version == steps.count else {
            throw Fault(
                .precondition,
                "\(database.path) is of version \(version), this program reads \(steps.count)",
                remedy: "use the program that its node runs")
        }
    }

    // Numbers that are times are nanoseconds since 1970. `seal` is a checksum of what a row says.
    private static let first = """
        CREATE TABLE origins (
            id INTEGER PRIMARY KEY, site TEXT NOT NULL, node TEXT NOT NULL, epoch INTEGER NOT NULL,
            queue TEXT NOT NULL, through INTEGER NOT NULL, ahead BLOB NOT NULL,
            taken INTEGER NOT NULL DEFAULT 0, duplicates INTEGER NOT NULL DEFAULT 0,
            lost INTEGER NOT NULL DEFAULT 0, heard INTEGER NOT NULL,
            UNIQUE (node, site, epoch, queue));
        CREATE TABLE records (
            id INTEGER PRIMARY KEY AUTOINCREMENT, origin INTEGER NOT NULL,
            sequence INTEGER NOT NULL, merge BLOB NOT NULL, won INTEGER NOT NULL,
            received INTEGER NOT NULL, at INTEGER NOT NULL, clock INTEGER NOT NULL,
            site TEXT NOT NULL, task TEXT NOT NULL, stream TEXT, frame INTEGER,
            input BLOB NOT NULL, rank INTEGER NOT NULL, node TEXT NOT NULL, bundle BLOB,
            label TEXT NOT NULL, confidence REAL, accepted INTEGER NOT NULL,
            degraded TEXT NOT NULL, approved INTEGER NOT NULL, captured INTEGER,
            answered INTEGER NOT NULL, latency INTEGER NOT NULL, trace BLOB NOT NULL,
            request TEXT NOT NULL, seal INTEGER NOT NULL, UNIQUE (origin, sequence));
        CREATE INDEX records_merge ON records (merge);
        CREATE INDEX records_received ON records (received);
        CREATE INDEX records_at ON records (at, id) WHERE won;
        CREATE INDEX records_task ON records (task, at, id) WHERE won;
        CREATE INDEX records_site ON records (site, at, id) WHERE won;
        CREATE INDEX records_label ON records (label, at, id) WHERE won;
        CREATE INDEX records_request ON records (request) WHERE request <> '';
        CREATE TABLE frames (
            id INTEGER PRIMARY KEY AUTOINCREMENT, merge BLOB NOT NULL UNIQUE, digest BLOB NOT NULL,
            bytes INTEGER NOT NULL, received INTEGER NOT NULL);
        CREATE INDEX frames_digest ON frames (digest);
        CREATE INDEX frames_received ON frames (received);
        CREATE TABLE settlements (
            origin INTEGER NOT NULL, sequence INTEGER NOT NULL, response BLOB, error TEXT,
            received INTEGER NOT NULL, seal INTEGER NOT NULL, PRIMARY KEY (origin, sequence));
        CREATE INDEX settlements_received ON settlements (received);
        CREATE TABLE notes (
            id INTEGER PRIMARY KEY AUTOINCREMENT, origin INTEGER NOT NULL,
            sequence INTEGER NOT NULL, queue TEXT NOT NULL, received INTEGER NOT NULL,
            at INTEGER NOT NULL, clock INTEGER NOT NULL, body BLOB NOT NULL,
            seal INTEGER NOT NULL, UNIQUE (origin, sequence));
        CREATE INDEX notes_received ON notes (queue, received, id);
        CREATE TABLE gaps (
            id INTEGER PRIMARY KEY AUTOINCREMENT, origin INTEGER NOT NULL, first INTEGER NOT NULL,
            last INTEGER NOT NULL, reason TEXT NOT NULL, received INTEGER NOT NULL);
        CREATE INDEX gaps_received ON gaps (received);
        CREATE TABLE truths (
            id INTEGER PRIMARY KEY AUTOINCREMENT, merge BLOB NOT NULL UNIQUE, label TEXT NOT NULL,
            at INTEGER NOT NULL, who TEXT NOT NULL);
        CREATE TABLE early_labels (
            request TEXT NOT NULL, task TEXT NOT NULL, label TEXT NOT NULL, at INTEGER NOT NULL,
            who TEXT NOT NULL, received INTEGER NOT NULL, PRIMARY KEY (request, task));
        CREATE TABLE accuracy (
            task TEXT NOT NULL, bundle BLOB NOT NULL, rank INTEGER NOT NULL, truth TEXT NOT NULL,
            label TEXT NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (task, bundle, rank, truth, label)) WITHOUT ROWID;
        CREATE TABLE sinks (
            name TEXT NOT NULL, part TEXT NOT NULL, cursor INTEGER NOT NULL,
            PRIMARY KEY (name, part)) WITHOUT ROWID;
        """

    // What nodes say of themselves: the last report of each as it came, and their incidents.
    private static let nodes = """
        CREATE TABLE reports (
            site TEXT NOT NULL, node TEXT NOT NULL, received INTEGER NOT NULL, body BLOB NOT NULL,
            seal INTEGER NOT NULL, PRIMARY KEY (node, site)) WITHOUT ROWID;
        CREATE TABLE incidents (
            id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, node TEXT NOT NULL,
            kind TEXT NOT NULL, subject TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER,
            words TEXT NOT NULL, received INTEGER NOT NULL,
            UNIQUE (node, site, began, kind, subject));
        CREATE INDEX incidents_received ON incidents (received);
        CREATE INDEX notes_at ON notes (queue, at, id);
        """

    // Frames that were answered when they came: what the node that sent them had answered itself.
    private static let live = """
        CREATE TABLE live (
            merge BLOB PRIMARY KEY, node TEXT NOT NULL, label TEXT NOT NULL, confidence REAL,
            bundle BLOB, bytes INTEGER NOT NULL, received INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX live_received ON live (received);
        CREATE TRIGGER frames_live AFTER DELETE ON frames
        BEGIN DELETE FROM live WHERE merge = old.merge; END;
        """

    // A label that was given at a node waits for a record of that node's; `node` is empty where it
    // was given at the hub.
    private static let waiting = """
        CREATE TABLE waiting_labels (
            request TEXT NOT NULL, task TEXT NOT NULL, node TEXT NOT NULL, label TEXT NOT NULL,
            at INTEGER NOT NULL, who TEXT NOT NULL, received INTEGER NOT NULL,
            PRIMARY KEY (request, task, node));
        INSERT INTO waiting_labels SELECT request, task, '', label, at, who, received
            FROM early_labels;
        DROP TABLE early_labels;
        ALTER TABLE waiting_labels RENAME TO early_labels;
        """
}
