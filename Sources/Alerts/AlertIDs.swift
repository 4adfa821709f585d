/// Makes the ids of a node's alerts.
///
/// - A detection with stream and sequence: `node/task/stream/sequence`. The same frame sent twice
///   is the same alert. A camera that numbers its frames anew should change its stream's name.
/// - Any other detection: `node/task//boot-count`.
/// - A condition: `node/!condition/subject/boot-count`; that it is over, the same and `/cleared`.
///
/// `boot` differs from start to start. Names of nodes and tasks hold neither `/` nor `!`, so no two
/// kinds meet.
public struct AlertIDs: Sendable {
    private let node: String
    private let boot: String
    private var count = 0

    /// - Parameter boot: a random number of this start.
    public init(node: String, boot: UInt64) {
        self.node = node
        self.boot = String(boot, radix: 16)
    }

    /// The id of a detection.
    public mutating func id(of detection: Detection) -> String {
        if let stream = detection.stream, let sequence = detection.sequence {
            return "\(node)/\(detection.task)/\(stream)/\(sequence)"
        }
        return "\(node)/\(detection.task)//\(next())"
    }

    /// The id of a condition that has begun.
    public mutating func id(condition: String, subject: String) -> String {
        "\(node)/!\(condition)/\(subject)/\(next())"
    }

    /// The id of the end of a condition that was raised as `id`.
    public static func cleared(_ id: String) -> String { id + "/cleared" }

    private mutating func next() -> String {
        count += 1
        return "\(boot)-\(count)"
    }
}
