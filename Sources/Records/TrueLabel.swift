public import Ground

/// What an answer should have been, and who says so.
public struct TrueLabel: Equatable, Sendable {
    public var label: String
    /// When it was given, by the clock of who gave it.
    public var at: WallTime
    public var who: String

    public init(label: String, at: WallTime, who: String) {
        self.label = label
        self.at = at
        self.who = who
    }

    /// Whether the other one counts instead: the later one, the greater one at the same moment.
    func isOlder(than other: TrueLabel) -> Bool {
        at != other.at ? at < other.at : Standing.precedes(label, other.label)
    }
}

/// Which frame a label is for.
public enum LabelTarget: Equatable, Sendable {
    /// A record's id, or the first of its digits: at least six.
    case record(String)
    /// The client's `id` of its request. Where it gave one id to several frames, all are meant.
    case request(String, task: String)
}

/// What came of a label.
public struct Labelled: Equatable, Sendable {
    /// Whether the frame is here; if not, the label waits for it.
    public var known: Bool
    /// The records that it is about.
    public var records: [MergeKey] = []
}
