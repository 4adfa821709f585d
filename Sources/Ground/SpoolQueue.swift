/// What a node may owe to the nodes above it, each kind in an order of its own. The order of the
/// cases is the order in which room is given up: the lowest first.
///
/// The raw value is what stands in files and on the wire: never renumber one.
public enum SpoolQueue: UInt8, CaseIterable, Sendable, Comparable, CustomStringConvertible {
    /// Frames that are owed an answer. One takes the room of a hundred results, so they go first.
    case escalation = 0
    /// What was answered, at most 1 KiB a frame.
    case result = 1
    /// Sketches, counts, incidents.
    case telemetry = 2
    case alert = 3
    /// Never dropped.
    case audit = 4

    /// The name that stands in files and tables.
    public var description: String {
        switch self {
        case .escalation: "escalation"
        case .result: "result"
        case .telemetry: "telemetry"
        case .alert: "alert"
        case .audit: "audit"
        }
    }

    /// The queue of a name, or `nil`.
    public init?(_ name: some StringProtocol) {
        guard let queue = SpoolQueue.allCases.first(where: { $0.description == name }) else {
            return nil
        }
        self = queue
    }

    public static func < (a: SpoolQueue, b: SpoolQueue) -> Bool { a.rawValue < b.rawValue }
}
