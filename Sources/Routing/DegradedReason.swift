/// Why an answer is less than its task wants: `canopy.degraded` on the wire, by its raw value.
public enum DegradedReason: String, CaseIterable, Sendable {
    /// No tier above could be reached.
    case upstreamDown = "upstream_down"
    /// The frame's deadline left no time for a better tier.
    case deadline
    /// The answer is below the bar, and the escalation budget went to harder frames.
    case budget
    /// A better tier is there and has no room.
    case overload
    /// The task's payload may not leave the site.
    case localOnly = "local_only"
    /// The model is older than its lease allows.
    case stale
}
