/// What a node keeps of a task's frames for the node above it.
public enum Keeping: Hashable, Sendable {
    /// Nothing: the node has no spool, or nobody above takes what it holds.
    case nothing
    /// What was answered; frames themselves may not leave the site, or nobody above runs the task.
    case results
    /// What was answered, and the frames that are owed a better answer.
    case resultsAndFrames
}

/// Which frames are owed an answer when nobody above can be asked now.
///
/// A frame goes to the spool when it is worth its place there: it was below the bar, the budget
/// allowed to send it, and what stood between it and a better answer was the way there. It is not
/// when it was accepted (audits), when the budget or a full peer kept it here (a drain would spend
/// what the budget saved, or add to the load), when a peer found it wrong, or when its client was
/// told nothing.
enum OwePolicy {
    /// Why an escalation came to nothing.
    enum Obstacle: CaseIterable, Sendable {
        /// No peer can be reached, or breakers keep calls back.
        case unreachable
        /// No answer came in time.
        case timeout
        /// Peers have too much to do.
        case overloaded
        /// A peer found the frame wrong.
        case refused
        /// No peer serves the task to this node.
        case unserved
    }

    static func owes(
        _ keeping: Keeping, isEntry: Bool, mayTravel: Bool, failsClosed: Bool, accepted: Bool,
        purpose: Purpose, obstacle: Obstacle
    ) -> Bool {
        guard keeping == .resultsAndFrames, isEntry, mayTravel, !failsClosed, !accepted,
            purpose == .escalation
        else { return false }
        return obstacle == .unreachable || obstacle == .timeout
    }
}

extension CallFailure {
    var obstacle: OwePolicy.Obstacle {
        switch self {
        case .unreachable: .unreachable
        case .timeout: .timeout
        case .overloaded: .overloaded
        case .refused: .refused
        case .unserved: .unserved
        }
    }
}
