public import Ground

extension Alert {
    /// What `json` calls its own form; a change that breaks readers gets a new number.
    public static let schema = "canopy.alert/1"

    /// The alert as its receivers get it:
    ///
    /// ```
    /// { "schema": "canopy.alert/1", "id": "leaf/meter-digits/gate-3/4711", "kind": "detection",
    ///   "node": "leaf", "tier": "leaf", "site": "mill", "time": "2026-11-22T01:14:44.123Z",
    ///   "task": "meter-digits", "label": "9", "confidence": 0.991, "threshold": 0.98,
    ///   "stream": "gate-3", "sequence": 4711, "captured_at": "…", "seen_by": "leaf",
    ///   "bundle": "sha256:…" }
    /// { "schema": "canopy.alert/1", "id": "leaf/!breaker-open/region/5f-1", "kind": "operator",
    ///   "node": "leaf", "tier": "leaf", "site": "mill", "time": "…",
    ///   "condition": "breaker-open", "subject": "region", "state": "raised" }
    /// ```
    ///
    /// What is not known is left out.
    ///
    /// - Parameter lost: alerts before this one that this receiver will never get; stated as
    ///   `"lost": 3` unless it is 0.
    public func json(lost: Int = 0) -> JSON {
        var members: [String: JSON] = [
            "schema": .string(Self.schema), "id": .string(id), "node": .string(origin.node),
            "tier": .string(origin.tier), "time": .string(Timestamp.text(time)),
        ]
        members["site"] = origin.site.map { .string($0) }
        if lost > 0 { members["lost"] = .integer(lost) }
        switch content {
        case .detection(let detection):
            members["kind"] = .string("detection")
            members.merge(detection.members) { _, new in new }
        case .condition(let report):
            members["kind"] = .string("operator")
            members["condition"] = .string(report.condition)
            if !report.subject.isEmpty { members["subject"] = .string(report.subject) }
            members["state"] = .string(report.state.rawValue)
        }
        return .object(members)
    }
}

extension Detection {
    fileprivate var members: [String: JSON] {
        var members: [String: JSON] = [
            "task": .string(task), "label": .string(label), "confidence": .real(confidence),
            "threshold": .real(threshold),
        ]
        members["stream"] = stream.map { .string($0) }
        members["sequence"] = sequence.map { .integer($0) }
        members["captured_at"] = capturedAt
        members["seen_by"] = seenBy.map { .string($0) }
        members["bundle"] = bundle.map { .string($0) }
        return members
    }
}

/// Times of day as text.
enum Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-11-22T01:14:44.123Z`.
    static func text(_ time: WallTime) -> String {
        let milliseconds = floor(time.nanoseconds, 1_000_000)
        let seconds = floor(milliseconds, 1_000)
        let (days, second) = (floor(seconds, 86_400), modulo(seconds, 86_400))
        let (year, month, day) = date(days)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
            + "T\(padded(second / 3_600, 2)):\(padded(second / 60 % 60, 2))"
            + ":\(padded(second % 60, 2)).\(padded(modulo(milliseconds, 1_000), 3))Z"
    }

    /// The Gregorian date of a day counted from 1970-01-01. Years begin in March here, so that the
    /// leap day is their last.
    private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let sinceMarch = days + 719_468
        let era = floor(sinceMarch, 146_097)
        let ofEra = modulo(sinceMarch, 146_097)
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * ofYear + 2) / 153
        let day = ofYear - (153 * fromMarch + 2) / 5 + 1
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func floor(_ a: Int64, _ b: Int64) -> Int64 {
        a >= 0 ? a / b : -((b - 1 - a) / b)
    }

    private static func modulo(_ a: Int64, _ b: Int64) -> Int64 { a - floor(a, b) * b }

    private static func padded(_ number: Int64, _ digits: Int) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
