internal import Ground
internal import Storage

/// Finds frames by what people call them.
enum RecordSearch {
    /// Digits of an id that must be given: fewer would be an accident's.
    static let shortestID = 6

    /// The one record whose id begins with `id`.
    static func key(_ id: String, _ database: Database) throws(Fault) -> MergeKey {
        let digits = id.lowercased()
        guard (shortestID...2 * MergeKey.length).contains(digits.utf8.count),
            let low = bound(digits, filler: "0"), let high = bound(digits, filler: "f")
        else {
            throw Fault(
                .invalid, "“\(id.prefix(60))” is no record's id", source: .client,
                remedy:
                    "give at least \(shortestID) of its hexadecimal digits, as `canopy records` "
                    + "shows them")
        }
        let keys = try database.rows(
            "SELECT DISTINCT merge FROM records WHERE merge BETWEEN ? AND ?",
            [.blob(low), .blob(high)], limit: 2
        ) { $0.blob(0) }
        guard let first = keys.first, let key = MergeKey(bytes: first) else {
            throw Fault(
                .notFound, "there is no record \(id) here", source: .client,
                remedy: "ask the node that keeps it, or look with `canopy records`")
        }
        guard keys.count == 1 else {
            throw Fault(
                .invalid, "several records' ids begin with \(id)", source: .client,
                remedy: "give more digits")
        }
        return key
    }

    private static func bound(_ digits: String, filler: Character) -> [UInt8]? {
        let rest = 2 * MergeKey.length - digits.utf8.count
        return Hex.bytes(digits + String(repeating: filler, count: max(rest, 0)))
    }

    /// The frames that came to this node with this request id.
    static func keys(
        request: String, task: String, of node: String, _ database: Database, limit: Int
    ) throws(Fault) -> [MergeKey] {
        guard !request.isEmpty else { return [] }
        return try database.rows(
            """
            SELECT DISTINCT r.merge FROM records r JOIN origins o ON o.id = r.origin
            WHERE r.request = ? AND r.request <> '' AND r.task = ? AND o.node = ?
            """, [.text(request), .text(task), .text(node)], limit: limit
        ) { $0.blob(0) }.compactMap(MergeKey.init)
    }

    /// The frames that came with this request id.
    static func keys(
        request: String, task: String, _ database: Database, limit: Int
    ) throws(Fault) -> [MergeKey] {
        guard !request.isEmpty else { return [] }
        return try database.rows(
            "SELECT DISTINCT merge FROM records WHERE request = ? AND request <> '' AND task = ?",
            [.text(request), .text(task)], limit: limit
        ) { $0.blob(0) }.compactMap(MergeKey.init)
    }
}
