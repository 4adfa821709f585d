public import Ground

/// How a node keeps what arrives from the nodes below it.
public struct RecordsPlan: Hashable, Sendable {
    /// Where its index and the frames lie.
    public let folder: String
    public let keep: Terms
    /// Bytes of frames; past it the oldest go. Default 10 GiB: a hundred thousand pictures of
    /// 100 KB.
    public let quota: Int
    /// The share of it that frames may take which were answered when they came: what a leaf was
    /// unsure of and this node answered, kept to learn from. 0 keeps none. Default 25 %: frames
    /// that are owed an answer come first.
    public let live: Double
    /// A database that records, labels, telemetry and audit entries are handed on to.
    public let postgres: PostgresPlan?
    /// Object storage that frames are handed on to.
    public let objects: ObjectStorePlan?

    /// How long each class is kept, from its arrival at the node; then it is purged within minutes,
    /// and an audit entry says so.
    public struct Terms: Hashable, Sendable {
        /// Pictures, where they came. Default 7 days: long enough to look at last week's.
        public let frames: Interval
        /// Answers, labels, telemetry and alerts. Default 90 days: a quarter.
        public let records: Interval
        /// Default 400 days: a year's audit looks back over all of it.
        public let audit: Interval

        init(_ fields: Fields) {
            frames = fields.value("frames", .term, or: .days(7))
            records = fields.value("records", .term, or: .days(90))
            audit = fields.value("audit", .term, or: .days(400))
            fields.finish()
            if frames > records {
                fields.report.add(
                    fields.place(of: fields.has("frames") ? "frames" : "records"),
                    "\(fields.subject) keeps frames longer than the records that name them",
                    "give `frames` at most what `records` has")
            }
        }
    }

    /// `nil` when nothing is said, or it cannot be known where.
    init?(_ fields: Fields, tier: Tier?) {
        guard !fields.isEmpty else { return nil }
        let folder = fields.required("folder", .path("a folder on this node's disk"))
        keep = Terms(fields.fields("keep"))
        quota = fields.value("quota", .bytes(1 << 20...1 << 50), or: 10 << 30)
        live = fields.value("live", .share(), or: 0.25)
        postgres =
            fields.has("postgres") ? PostgresPlan(fields.fields("postgres")) : nil
        objects = fields.has("s3") ? ObjectStorePlan(fields.fields("s3")) : nil
        fields.finish()
        if tier == .leaf {
            fields.report.add(
                fields.place, "\(fields.subject) is of a leaf, which nothing is sent to",
                "give `records` to the node above it")
        }
        guard let folder else { return nil }
        self.folder = folder
    }
}

extension Shape<Interval> {
    /// A minute, for trials, to ten years.
    fileprivate static var term: Shape { .interval(.seconds(60)...(.days(3650))) }
}

extension Interval {
    fileprivate static func days(_ count: Int64) -> Interval { .seconds(86_400 * count) }
}
