/// When a client wants its answer: `canopy.mode` on the wire, by its raw value.
public enum Mode: String, CaseIterable, Sendable {
    /// One answer, from the best tier that can give it within the deadline.
    case wait
    /// The leaf's answer at once, a better one later under the same receipt.
    case refine
}
