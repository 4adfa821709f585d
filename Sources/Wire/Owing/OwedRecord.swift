internal import CWire
public import Ground

/// A canopy.v1 OwedRecord: one thing that a node owes the node above it.
public struct OwedRecord: WireMessage {
    public enum Body: Sendable {
        case result(ResultRecord)
        case escalation(EscalationRecord)
        case telemetry(TelemetryRecord)
        case alert(AlertRecord)
        case gap(GapRecord)
        case audit(AuditRecord)
        case label(LabelRecord)
    }

    /// Given when its block is made; 0 before. A gap's is its first.
    public var sequence: UInt64
    public var at: WallTime
    /// Hybrid logical clock: milliseconds since 1970, times 65536, plus a count.
    public var clock: UInt64
    /// `nil` for a kind that this version does not know.
    public var body: Body?

    public init(sequence: UInt64 = 0, at: WallTime, clock: UInt64, body: Body?) {
        self.sequence = sequence
        self.at = at
        self.clock = clock
        self.body = body
    }

    /// The last sequence that it stands for.
    public var last: UInt64 {
        if case .gap(let gap) = body { return max(sequence, gap.last) }
        return sequence
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> OwedRecord {
        try unpacking(
            bytes, "canopy.v1.OwedRecord", from: .peer, with: canopy__v1__owed_record__unpack,
            OwedRecord.init)
    }

    public func encode() -> [Bytes] {
        packing { packed($0)! }
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__OwedRecord>? {
        let c = arena.make(canopy__v1__owed_record__init)
        c.pointee.sequence = sequence
        c.pointee.at = at.nanoseconds
        c.pointee.clock = clock
        put(body, into: &c.pointee, arena)
        return c
    }

    init(_ c: Canopy__V1__OwedRecord) throws(Fault) {
        sequence = c.sequence
        at = WallTime(nanoseconds: c.at)
        clock = c.clock
        body =
            switch c.body_case {
            case CANOPY__V1__OWED_RECORD__BODY_RESULT: .result(try ResultRecord(c.result.pointee))
            case CANOPY__V1__OWED_RECORD__BODY_ESCALATION:
                .escalation(try EscalationRecord(c.escalation.pointee))
            case CANOPY__V1__OWED_RECORD__BODY_TELEMETRY:
                .telemetry(try TelemetryRecord(c.telemetry.pointee))
            case CANOPY__V1__OWED_RECORD__BODY_ALERT: .alert(try AlertRecord(c.alert.pointee))
            case CANOPY__V1__OWED_RECORD__BODY_GAP: .gap(try GapRecord(c.gap.pointee))
            case CANOPY__V1__OWED_RECORD__BODY_AUDIT: .audit(try AuditRecord(c.audit.pointee))
            case CANOPY__V1__OWED_RECORD__BODY_LABEL: .label(try LabelRecord(c.label.pointee))
            default: nil
            }
    }

    private func put(_ body: Body?, into c: inout Canopy__V1__OwedRecord, _ arena: Arena) {
        switch body {
        case nil: break
        case .result(let record):
            c.body_case = CANOPY__V1__OWED_RECORD__BODY_RESULT
            c.result = record.packed(arena)
        case .escalation(let record):
            c.body_case = CANOPY__V1__OWED_RECORD__BODY_ESCALATION
            c.escalation = record.packed(arena)
        case .telemetry(let record):
            c.body_case = CANOPY__V1__OWED_RECORD__BODY_TELEMETRY
            c.telemetry = record.packed(arena)
        case .alert(let record):
            c.body_case = CANOPY__V1__OWED_RECORD__BODY_ALERT
            c.alert = record.packed(arena)
        case .gap(let record):
            c.body_case = CANOPY__V1__OWED_RECORD__BODY_GAP
            c.gap = record.packed(arena)
        case .audit(let record):
            c.body_case = CANOPY__V1__OWED_RECORD__BODY_AUDIT
            c.audit = record.packed(arena)
        case .label(let record):
            c.body_case = CANOPY__V1__OWED_RECORD__BODY_LABEL
            c.label = record.packed(arena)
        }
    }
}
