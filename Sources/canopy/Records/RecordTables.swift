import Ground
import Wire

/// The tables of `canopy records`.
enum RecordTables {
    static func records(_ records: [StoredRecord]) -> String {
        guard !records.isEmpty else { return "no records" }
        let header = [
            "RECORD", "TAKEN", "SITE", "TASK", "FRAME", "LABEL", "CONFIDENCE", "BY", "NOTES",
        ]
        let rows = records.map { one -> [String] in
            let frame = one.sequence.map { "\(one.stream) \($0)" } ?? ""
            return [
                String(one.id.prefix(12)), TimeText.text(one.capturedAt ?? one.answeredAt),
                one.site,
                one.task, frame, one.label, one.confidence.map(number) ?? "",
                one.tier.isEmpty ? one.node : "\(one.node) (\(one.tier))", notes(one),
            ]
        }
        return grid(header, rows)
    }

    private static func notes(_ one: StoredRecord) -> String {
        var notes: [String] = []
        if !one.won { notes.append("outranked") }
        if let truth = one.truth {
            notes.append(truth == one.label ? "right" : "wrong: \(truth)")
        }
        if !one.accepted { notes.append("not accepted") }
        if !one.degraded.isEmpty { notes.append(one.degraded) }
        if !one.approved { notes.append("not approved") }
        if !one.frame.isEmpty { notes.append("picture kept") }
        return notes.joined(separator: ", ")
    }

    static func stats(_ stats: RecordStatsReply) -> String {
        let head = """
            \(stats.node) keeps \(stats.frames) frames (\(stats.answers) answers), \
            \(stats.labelled) labelled, \(stats.waitingLabels) labels for what has not come; \
            \(stats.payloads) pictures of \(Size.text(stats.payloadBytes)), \
            an index of \(Size.text(stats.indexBytes))
            """
        let origins = stats.origins.map { one in
            [
                one.node, one.site, one.queue, String(one.epoch, radix: 16), "\(one.watermark)",
                "\(one.taken)", "\(one.duplicates)", "\(one.lost)", TimeText.text(one.heard),
            ]
        }
        let accuracy = stats.accuracy.map { one in
            [
                one.task, one.tier, String(one.bundle.split(separator: ":").last?.prefix(12) ?? ""),
                one.truth, "\(one.right) of \(one.total)",
                one.total > 0 ? "\(number(100 * Double(one.right) / Double(one.total))) %" : "",
            ]
        }
        let tables = [
            grid(
                [
                    "FROM", "SITE", "QUEUE", "EPOCH", "WATERMARK", "TAKEN", "AGAIN", "LOST",
                    "HEARD",
                ], origins),
            grid(["TASK", "TIER", "BUNDLE", "TRUE LABEL", "RIGHT", ""], accuracy),
        ]
        return ([head] + tables.filter { !$0.isEmpty }).joined(separator: "\n\n")
    }

    /// Columns as wide as their widest cell; nothing without rows.
    static func grid(_ header: [String], _ rows: [[String]]) -> String {
        guard !rows.isEmpty else { return "" }
        let lines = ([header] + rows).map { $0.map(printable) }
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { cells in
            var line = zip(cells, widths).map { $0.padding(to: $1) }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }

    /// What came from elsewhere must not steer the terminal.
    private static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            return text
        }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    }

    /// At most three digits behind the point.
    static func number(_ value: Double) -> String {
        let rounded = (value * 1000).rounded() / 1000
        return rounded == rounded.rounded() && abs(rounded) < 1e15
            ? "\(Int(rounded))" : "\(rounded)"
    }
}

/// Records as comma-separated values.
enum RecordColumnsText {
    private static let columns: [(name: String, value: @Sendable (StoredRecord) -> String)] = [
        ("record", \.id), ("won", { "\($0.won)" }),
        ("captured_at", { $0.capturedAt.map(TimeText.text) ?? "" }),
        ("answered_at", { TimeText.text($0.answeredAt) }),
        ("received_at", { TimeText.text($0.receivedAt) }), ("site", \.site), ("task", \.task),
        ("stream", \.stream), ("sequence", { $0.sequence.map { "\($0)" } ?? "" }),
        ("label", \.label), ("confidence", { $0.confidence.map { "\($0)" } ?? "" }),
        ("tier", \.tier), ("node", \.node), ("bundle", \.bundle),
        ("accepted", { "\($0.accepted)" }), ("degraded", \.degraded),
        ("approved", { "\($0.approved)" }), ("truth", { $0.truth ?? "" }),
        ("latency_ms", { "\(Double($0.latency.nanoseconds / 1000) / 1000)" }),
        ("request", \.request), ("trace", \.trace), ("frame", \.frame), ("sender", \.sender),
    ]

    /// The names, with the line's end.
    static let header = columns.map(\.name).joined(separator: ",") + "\r\n"

    /// One record, with the line's end.
    static func line(_ record: StoredRecord) -> String {
        columns.map { quoted($0.value(record)) }.joined(separator: ",") + "\r\n"
    }

    private static func quoted(_ text: String) -> String {
        guard text.contains(where: { $0 == "\"" || $0 == "," || $0.isNewline }) else { return text }
        var inside = ""
        for character in text { inside += character == "\"" ? "\"\"" : String(character) }
        return "\"\(inside)\""
    }
}
