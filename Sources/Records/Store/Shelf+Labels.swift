internal import Ground
internal import Storage

extension Shelf {
    /// Labels for requests whose records have not come: an outage's worth at a handful a second.
    static let earlyLabelLimit = 100_000

    /// Gives the frame a true label. Of two the one that was given later counts, whichever came
    /// first.
    ///
    /// - Returns: whether it is the one that counts.
    func label(_ key: MergeKey, _ label: TrueLabel) throws(Fault) -> Bool {
        let known = try database.first(
            "SELECT label, at FROM truths WHERE merge = ?", [.blob(key.bytes)]
        ) { TrueLabel(label: $0.text(0), at: WallTime(nanoseconds: $0.integer(1)), who: "") }
        if let known {
            guard known.isOlder(than: label) else { return known.label == label.label }
            // Deleted and made anew: its number grows, so that sinks see it again.
            try database.run("DELETE FROM truths WHERE merge = ?", [.blob(key.bytes)])
        }
        try database.run(
            "INSERT INTO truths (merge, label, at, who) VALUES (?, ?, ?, ?)",
            [
                .blob(key.bytes), .text(label.label), .integer(label.at.nanoseconds),
                .text(label.who),
            ])
        let sql = "SELECT task, bundle, rank, label FROM records WHERE merge = ?"
        let answers = try database.rows(sql, [.blob(key.bytes)], limit: .max) { row in
            (0...3).map { row.value($0) }
        }
        for answer in answers {
            if let known { try count(answer, truth: known.label, by: -1) }
            try count(answer, truth: label.label, by: 1)
        }
        return true
    }

    /// Counts a new answer whose frame's label is known already.
    func count(_ answer: Answer, _ key: MergeKey) throws(Fault) {
        let truth = try database.first(
            "SELECT label FROM truths WHERE merge = ?", [.blob(key.bytes)]
        ) { $0.text(0) }
        guard let truth else { return }
        let values: [SQLValue] = [
            .text(answer.task), answer.bundle.map { .blob($0.bytes) } ?? .null,
            .int(answer.tier.standing), .text(answer.label),
        ]
        try count(values, truth: truth, by: 1)
    }

    /// - Parameter answer: task, bundle, rank and label.
    private func count(_ answer: [SQLValue], truth: String, by step: Int) throws(Fault) {
        let bundle = answer[1] == .null ? .blob([]) : answer[1]
        try database.run(
            """
            INSERT INTO accuracy (task, bundle, rank, truth, label, count)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (task, bundle, rank, truth, label)
            DO UPDATE SET count = count + excluded.count
            """, [answer[0], bundle, answer[2], .text(truth), answer[3], .int(step)])
        if step < 0 { try database.run("DELETE FROM accuracy WHERE count = 0") }
    }

    /// A label that was given at the node whose frame it is. It counts for that node's frames
    /// alone: others may have had a request of the same id.
    func take(
        _ label: TrueLabel, _ request: String, _ task: String, _ sequence: UInt64,
        _ origin: Origin, _ row: Int64, _ now: WallTime, _ done: inout Ingested
    ) throws(Fault) {
        let keys = try RecordSearch.keys(
            request: request, task: task, of: origin.node, database,
            limit: RecordStore.sameRequestLimit)
        for key in keys { _ = try self.label(key, label) }
        guard keys.isEmpty else { return }
        if earlyLabels < Self.earlyLabelLimit {
            try keepEarly(request, task, of: origin.node, label, now)
        } else {
            // Nobody can be told, and what follows must not wait for it.
            try add(gap: sequence...sequence, "too_many_labels", row, now)
            done.lost += 1
        }
    }

    // MARK: Labels that come before their records

    /// Keeps a label until the record of its request comes: from `node`, or from any when that is
    /// empty.
    func keepEarly(
        _ request: String, _ task: String, of node: String, _ label: TrueLabel, _ now: WallTime
    ) throws(Fault) {
        guard earlyLabels < Self.earlyLabelLimit else {
            throw Fault(
                .exhausted, "\(earlyLabels) labels already wait for records that have not come",
                source: .client, remedy: "label what has arrived: `canopy records` shows it")
        }
        try database.run(
            """
            INSERT INTO early_labels VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (request, task, node)
            DO UPDATE SET label = excluded.label, at = excluded.at, who = excluded.who
            WHERE excluded.at >= at
            """,
            [
                .text(request), .text(task), .text(node), .text(label.label),
                .integer(label.at.nanoseconds), .text(label.who), .integer(now.nanoseconds),
            ])
        earlyLabels = try database.first("SELECT count(*) FROM early_labels") { $0.int(0) } ?? 0
    }

    /// A record has come from `node`: was it labelled before?
    func hearEarlyLabels(of answer: Answer, from node: String, _ key: MergeKey) throws(Fault) {
        guard earlyLabels > 0, !answer.request.isEmpty else { return }
        let which = "WHERE request = ? AND task = ? AND node IN (?, '')"
        let values: [SQLValue] = [.text(answer.request), .text(answer.task), .text(node)]
        let labels = try database.rows(
            "SELECT label, at, who FROM early_labels \(which)", values, limit: 2
        ) {
            TrueLabel(
                label: $0.text(0), at: WallTime(nanoseconds: $0.integer(1)), who: $0.text(2))
        }
        guard !labels.isEmpty else { return }
        // The label first counts the answers that are there, and this one is.
        for label in labels { _ = try self.label(key, label) }
        try database.run("DELETE FROM early_labels \(which)", values)
        earlyLabels -= labels.count
    }
}
