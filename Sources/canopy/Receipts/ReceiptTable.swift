import Ground
import Wire

/// What `canopy receipts` shows people.
enum ReceiptTable {
    static func text(_ receipts: [ReceiptStatus], _ page: ReceiptsPage, isList: Bool) -> String {
        let header = ["RECEIPT", "STATE", "TASK", "REQUEST", "PROMISED", "TOOK", "ANSWER"]
        let rows = receipts.map { one in
            [
                one.receipt, one.state.rawValue, one.task, one.request,
                one.promisedAt.map(TimeText.text) ?? "", took(one), answer(one),
            ]
        }
        let table = rows.isEmpty ? "" : RecordTables.grid(header, rows) + "\n"
        guard isList else { return String(table.dropLast()) }
        return table + "\(page.node) holds \(page.open) open, \(page.settled) settled and "
            + "\(page.failed) failed receipts"
    }

    private static func took(_ one: ReceiptStatus) -> String {
        guard let promised = one.promisedAt, let ended = one.endedAt else { return "" }
        let seconds = max((ended - promised).nanoseconds, 0) / 1_000_000_000
        return "\(seconds) s"
    }

    private static func answer(_ one: ReceiptStatus) -> String {
        guard one.error.isEmpty else { return one.error }
        guard one.state == .settled else { return "" }
        var words = one.label.isEmpty ? "" : "“\(one.label)”"
        if let confidence = one.confidence { words += " at \(RecordTables.number(confidence))" }
        if !one.answeredBy.isEmpty { words += " by \(one.answeredBy)" }
        if !one.tier.isEmpty { words += " (\(one.tier))" }
        return words
    }
}

extension ReceiptStatus {
    /// As `canopy receipts --json` prints it; times are nanoseconds since 1970.
    var json: JSON {
        .object([
            "receipt": .string(receipt), "state": .string(state.rawValue), "task": .string(task),
            "request": .string(request),
            "promised_at": promisedAt.map { .integer(Int($0.nanoseconds)) } ?? .null,
            "ended_at": endedAt.map { .integer(Int($0.nanoseconds)) } ?? .null,
            "label": .string(label), "tier": .string(tier), "answered_by": .string(answeredBy),
            "confidence": confidence.map(JSON.real) ?? .null, "error": .string(error),
        ])
    }
}
