public import Ground
internal import Storage

extension RecordStore {
    /// Frames that share one request id: clients count within a stream at most.
    static let sameRequestLimit = 1024

    /// Gives a frame its true label, and counts it for the bundles that answered. A label for a
    /// request that is not here yet waits for its record.
    ///
    /// - Throws: `notFound` for a record id that nobody has, `invalid` for one that several begin
    ///   with.
    public func label(
        _ target: LabelTarget, _ label: TrueLabel, now: WallTime
    ) throws(Fault) -> Labelled {
        guard label.label.utf8.count <= Delivery.textLimit else {
            throw Fault(
                .invalid, "a label of \(label.label.utf8.count) bytes", source: .client,
                remedy: "give at most \(Delivery.textLimit)")
        }
        return try write { (shelf) throws(Fault) in
            try shelf.changing { () throws(Fault) in
                let keys: [MergeKey]
                switch target {
                case .record(let id): keys = [try RecordSearch.key(id, shelf.database)]
                case .request(let request, let task):
                    keys = try RecordSearch.keys(
                        request: request, task: task, shelf.database,
                        limit: Self.sameRequestLimit)
                    if keys.isEmpty { try shelf.keepEarly(request, task, of: "", label, now) }
                }
                for key in keys { _ = try shelf.label(key, label) }
                return Labelled(known: !keys.isEmpty, records: keys)
            }
        }
    }

    /// How often each bundle was right, by true label: of all answers whose frame has one, also of
    /// those that were purged since.
    ///
    /// - Parameters:
    ///   - task: only this task's; all when empty.
    public func accuracy(task: String) throws(Fault) -> [Accuracy] {
        try read { (database) throws(Fault) in
            let lines = try database.rows(
                """
                SELECT task, bundle, rank, truth, label, count FROM accuracy
                WHERE ?1 = '' OR task = ?1 ORDER BY task, rank, bundle, truth, label
                """, [.text(task)], limit: Accuracy.limit
            ) { row in
                (
                    group: Accuracy(
                        task: row.text(0), bundle: Digest(bytes: row.blob(1)),
                        tier: Tier?(standing: row.int(2)), classes: []),
                    truth: row.text(3), label: row.text(4), count: row.int(5)
                )
            }
            var groups: [Accuracy] = []
            for line in lines {
                if groups.last?.isSame(as: line.group) != true { groups.append(line.group) }
                groups[groups.count - 1].add(line.truth, line.label, line.count)
            }
            return groups
        }
    }
}

/// How right one bundle is, as far as true labels say.
public struct Accuracy: Equatable, Sendable {
    /// Lines of all confusion matrices that one answer holds: a bundle of 100 classes that are all
    /// taken for each other has 10,000.
    static let limit = 100_000

    public var task: String
    /// `nil` for foreign models.
    public var bundle: Digest?
    public var tier: Tier?
    /// By true label, sorted.
    public var classes: [Class]

    /// The answers about frames of one true label.
    public struct Class: Equatable, Sendable {
        public var truth: String
        /// What was answered, sorted, and how often.
        public var answers: [Count] = []

        public var total: Int { answers.reduce(0) { $0 + $1.count } }
        public var right: Int { answers.first { $0.label == truth }?.count ?? 0 }
    }

    public struct Count: Equatable, Sendable {
        public var label: String
        public var count: Int
    }

    public var total: Int { classes.reduce(0) { $0 + $1.total } }
    public var right: Int { classes.reduce(0) { $0 + $1.right } }

    func isSame(as other: Accuracy) -> Bool {
        task == other.task && bundle == other.bundle && tier == other.tier
    }

    mutating func add(_ truth: String, _ label: String, _ count: Int) {
        if classes.last?.truth != truth { classes.append(Class(truth: truth)) }
        classes[classes.count - 1].answers.append(Count(label: label, count: count))
    }
}
