/// How urgent a piece of work is: `canopy.class` on the wire, by its raw value.
///
/// Classes compare by urgency: `sync < batch < standard < realtime`. The lowest is shed first.
public enum WorkClass: String, CaseIterable, Comparable, Sendable {
    /// A camera waits for the answer. What a request without a class is.
    case realtime
    /// A person or a service waits.
    case standard
    /// Nobody waits; the answer is wanted today.
    case batch
    /// Model sync, telemetry and the validation of rollouts.
    case sync

    /// 3 for realtime, 0 for sync.
    public var urgency: Int {
        switch self {
        case .realtime: 3
        case .standard: 2
        case .batch: 1
        case .sync: 0
        }
    }

    public static func < (a: WorkClass, b: WorkClass) -> Bool { a.urgency < b.urgency }
}
