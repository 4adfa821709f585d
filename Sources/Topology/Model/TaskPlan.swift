public import Ground

/// One task: which model answers it on which tier, when that is good enough, and what else happens.
public struct TaskPlan: Sendable {
    public let name: String
    /// From the leaf up; at least one.
    public let tiers: [TierPlan]
    /// How confidence is measured. Default `max-softmax`, which every classifier has.
    public let confidence: Confidence
    /// Whether the caller waits for the best answer (default) or takes the first one and a better
    /// one later.
    public let mode: Mode
    /// How long a frame may take when the caller does not say, 1 ms to 60 s. Default 1 s: what a
    /// person at a gate still takes for at once, and several round trips to any cloud.
    public let deadline: Interval
    public let escalation: Escalation
    /// Whether frames may be sent upstream. Default yes.
    public let payload: Payload
    /// What is said while no tier that suffices can be reached. Default the best local answer.
    public let offline: Offline
    /// How long an old model may answer while the one that the topology names cannot be had, 1 s
    /// to 366 days; its answers are marked as stale. Past it the node counts as without a model:
    /// frames go to a node that has the right one, and `offline` and `safe-answer` say the rest.
    /// Default none: an old model is better than nothing, and every answer says that it is old.
    public let staleness: Interval?
    /// The label that is given where nobody has an answer, so that a machine behind the camera can
    /// act safely. Default none: the frame is refused.
    public let safeAnswer: String?
    /// Default none.
    public let alert: AlertPlan?
    /// How many labels an answer lists, 1 to 1000. Default 5, as image benchmarks do.
    public let top: Int
    public let place: Place

    public enum Confidence: String, CaseIterable, Sendable {
        case maxSoftmax = "max-softmax"
        case margin, entropy
    }

    public enum Mode: String, CaseIterable, Sendable {
        case wait, refine
    }

    public enum Payload: String, CaseIterable, Sendable {
        case mayLeaveSite = "may-leave-site"
        case localOnly = "local-only"
    }

    public enum Offline: String, CaseIterable, Sendable {
        /// The best local answer, marked as degraded.
        case failSafe = "fail-safe"
        /// A refusal.
        case failClosed = "fail-closed"
    }

    init(_ name: String, _ place: Place, _ fields: Fields) {
        self.name = name
        self.place = place
        let stated = Tier.allCases.filter { fields.has($0.rawValue) }
        tiers = Tier.allCases.compactMap { tier in
            guard fields.entry(tier.rawValue) != nil else { return nil }
            return TierPlan(tier, fields.fields(tier.rawValue), isLast: tier == stated.last)
        }
        confidence = fields.value("confidence", .word, or: .maxSoftmax)
        mode = fields.value("mode", .word, or: .wait)
        // Longer than 60 s no camera waits; shorter than 1 ms nothing is inferred.
        deadline = fields.value(
            "deadline", .interval(.milliseconds(1)...(.seconds(60))), or: .seconds(1))
        escalation = Escalation(fields.fields("escalate"))
        payload = fields.value("payload", .word, or: .mayLeaveSite)
        offline = fields.value("offline", .word, or: .failSafe)
        staleness = fields.value("staleness", .interval(.seconds(1)...(.seconds(31_622_400))))
        safeAnswer = fields.value("safe-answer", .text("the label that is safe to act on"))
        let alert = fields.fields("alert")
        self.alert = fields.has("alert") ? AlertPlan(alert) : nil
        top = fields.value("top", .count(1...1000), or: 5)
        fields.finish()
        check(fields, stated)
    }

    /// The plan of one tier, `nil` when the task does not run there.
    public func tier(_ tier: Tier) -> TierPlan? { tiers.first { $0.tier == tier } }

    private func check(_ fields: Fields, _ stated: [Tier]) {
        let report = fields.report
        guard fields.isReadable else { return }
        if stated.isEmpty {
            report.add(
                fields.place, "\(fields.subject) runs on no tier",
                "give at least one of `leaf`, `regional` and `cloud` with its bundle")
        }
        guard fields.has("escalate") else { return }
        let place = fields.place(of: "escalate")
        if payload == .localOnly {
            report.add(
                place, "\(fields.subject) escalates though its payload is local-only",
                "remove `escalate`, or let `payload` be may-leave-site")
        } else if stated.count == 1 {
            report.add(
                place, "\(fields.subject) escalates but runs on one tier only",
                "remove `escalate`, or add a higher tier")
        }
    }
}
