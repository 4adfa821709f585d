public import Ground

/// Which records somebody wants to see. Empty texts and `nil` leave a question open.
public struct RecordQuery: Equatable, Sendable {
    /// Rows of one page.
    public static let limitRange = 1...1000

    /// Taken (or answered, where nobody said when it was taken) at or after this.
    public var from: WallTime?
    /// And before this.
    public var until: WallTime?
    public var site = ""
    /// Who answered.
    public var node = ""
    public var task = ""
    public var stream = ""
    public var label = ""
    public var tier: Tier?
    /// Bounds of the calibrated confidence, both included.
    public var leastConfidence: Double?
    public var mostConfidence: Double?
    public var truth = Truth.any
    /// Also the answers that another one about the same frame outranks.
    public var losers = false
    /// Only frames whose bytes are kept.
    public var withFrame = false
    /// Where the page before this one ended.
    public var after: Cursor?
    public var limit = 100

    /// What is known of the true label.
    public enum Truth: String, CaseIterable, Sendable {
        case any
        case labelled
        case unlabelled
        /// There is one, and the answer is another.
        case wrong
    }

    /// A place between two rows. Rows come newest first, and those that arrive meanwhile shift
    /// nothing.
    public struct Cursor: Equatable, Sendable {
        public var at: WallTime
        public var row: Int64

        public init(at: WallTime, row: Int64) {
            self.at = at
            self.row = row
        }

        /// Two numbers with a dot between them.
        public var text: String { "\(at.nanoseconds).\(row)" }

        /// Reads `text`; `nil` for anything else.
        public init?(text: String) {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, let at = Int64(parts[0]), let row = Int64(parts[1]) else {
                return nil
            }
            self.init(at: WallTime(nanoseconds: at), row: row)
        }
    }

    public init() {}
}

/// Some of the rows that a query asks for.
public struct RecordPage: Equatable, Sendable {
    /// Newest first.
    public var rows: [RecordRow]
    /// Where the next page begins; `nil` when this is the last.
    public var next: RecordQuery.Cursor?
    /// Rows that were left out since their seal is broken: the disk has changed them.
    public var damaged: Int
}
