public import Ground

extension Alert {
    /// Reads what `json` wrote, for alerts that waited on a disk.
    ///
    /// - Parameters:
    ///   - bytes: `canonical` of it.
    ///   - time: when it was, which the text has in milliseconds only.
    ///   - since: the same moment on the node's clock.
    /// - Throws: `corrupt` for anything else.
    public init(reading bytes: [UInt8], time: WallTime, since: Instant) throws(Fault) {
        let members = Members(try JSON(parsing: bytes, place: "an alert"))
        guard members.text("schema") == Self.schema, let id = members.text("id"),
            let node = members.text("node"), let tier = members.text("tier"),
            let content = members.content
        else { throw Fault(.corrupt, "what was kept as an alert is none") }
        self.init(
            id: id, origin: AlertOrigin(node: node, tier: tier, site: members.text("site")),
            time: time, since: since, content: content)
    }
}

/// The members of an alert's JSON.
private struct Members {
    private let all: [String: JSON]

    init(_ json: JSON) {
        if case .object(let members) = json { all = members } else { all = [:] }
    }

    func text(_ name: String) -> String? {
        if case .string(let text)? = all[name] { text } else { nil }
    }

    func number(_ name: String) -> Double? {
        switch all[name] {
        case .real(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }

    var content: Alert.Content? {
        switch text("kind") {
        case "detection": detection.map { .detection($0) }
        case "operator": report.map { .condition($0) }
        default: nil
        }
    }

    private var detection: Detection? {
        guard let task = text("task"), let label = text("label"),
            let confidence = number("confidence"), let threshold = number("threshold")
        else { return nil }
        var detection = Detection(
            task: task, label: label, confidence: confidence, threshold: threshold,
            stream: text("stream"), capturedAt: all["captured_at"], seenBy: text("seen_by"),
            bundle: text("bundle"))
        if case .integer(let sequence)? = all["sequence"] { detection.sequence = sequence }
        return detection
    }

    private var report: ConditionReport? {
        guard let condition = text("condition"),
            let state = text("state").flatMap(ConditionReport.State.init)
        else { return nil }
        return ConditionReport(condition: condition, subject: text("subject") ?? "", state: state)
    }
}
