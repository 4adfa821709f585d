public import Ground
internal import Storage

extension RecordStore {
    /// Nodes of one answer: what a hub has below it.
    private static let nodeLimit = 20_000
    /// Incidents of one node in one answer; the newest count.
    private static let incidentLimit = 1_000

    /// Keeps a node's last report as it came.
    public func keep(
        report: [UInt8], of node: String, site: String, now: WallTime
    ) throws(Fault) {
        try write { (shelf) throws(Fault) in
            let values: [SQLValue] = [
                .text(site), .text(node), .integer(now.nanoseconds), .blob(report),
            ]
            try shelf.database.run(
                "INSERT OR REPLACE INTO reports VALUES (?, ?, ?, ?, ?)", values + [Seal.of(values)])
        }
    }

    /// Keeps what was wrong with a node. The same incident again changes nothing, but for its end.
    public func keep(
        _ incidents: [NodeIncident], of node: String, site: String, now: WallTime
    ) throws(Fault) {
        let sound = incidents.filter(\.isSound)
        guard !sound.isEmpty else { return }
        try write { (shelf) throws(Fault) in
            try shelf.database.transaction { () throws(Fault) in
                for one in sound {
                    try shelf.database.run(
                        """
                        INSERT INTO incidents (site, node, kind, subject, began, ended, words,
                        received) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                        ON CONFLICT (node, site, began, kind, subject) DO UPDATE
                        SET ended = coalesce(excluded.ended, ended), words = excluded.words,
                        received = excluded.received
                        """,
                        [
                            .text(site), .text(node), .text(one.kind), .text(one.subject),
                            .integer(one.began.nanoseconds),
                            one.ended.map { .integer($0.nanoseconds) } ?? .null,
                            .text(one.words), .integer(now.nanoseconds),
                        ])
                }
            }
        }
    }

    /// What nodes said of themselves, by site and name.
    ///
    /// - Parameters:
    ///   - site: and `node`: of which; all when empty.
    ///   - from: and `until`: incidents that lasted at some time in between.
    public func nodes(
        site: String = "", node: String = "", from: WallTime? = nil, until: WallTime? = nil
    ) throws(Fault) -> [KnownNode] {
        try read { (database) throws(Fault) in
            var known = try database.rows(
                """
                SELECT site, node, received, body, seal FROM reports
                WHERE (? = '' OR site = ?) AND (? = '' OR node = ?) ORDER BY site, node
                """, [.text(site), .text(site), .text(node), .text(node)], limit: Self.nodeLimit
            ) { row in
                let isSound = Seal.of((0...3).map { row.value($0) }) == .integer(row.integer(4))
                return KnownNode(
                    site: row.text(0), node: row.text(1), report: isSound ? row.blob(3) : nil,
                    heard: WallTime(nanoseconds: row.integer(2)), incidents: [])
            }
            for index in known.indices {
                known[index].incidents = try Self.incidents(of: known[index], from, until, database)
            }
            return known
        }
    }

    private static func incidents(
        of node: KnownNode, _ from: WallTime?, _ until: WallTime?, _ database: Database
    ) throws(Fault) -> [NodeIncident] {
        try database.rows(
            """
            SELECT kind, subject, began, ended, words FROM incidents
            WHERE node = ? AND site = ? AND began < ? AND (ended IS NULL OR ended >= ?)
            ORDER BY began DESC, id DESC
            """,
            [
                .text(node.node), .text(node.site), .integer(until?.nanoseconds ?? .max),
                .integer(from?.nanoseconds ?? .min),
            ], limit: incidentLimit
        ) { row in
            NodeIncident(
                kind: row.text(0), subject: row.text(1),
                began: WallTime(nanoseconds: row.integer(2)),
                ended: row.isNull(3) ? nil : WallTime(nanoseconds: row.integer(3)),
                words: row.text(4))
        }.reversed()
    }
}
