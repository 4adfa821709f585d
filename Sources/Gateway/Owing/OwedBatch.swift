import Compression
import Cryptography
import Ground
import Records
import Wire

/// A batch as it came from a node, checked against what it says of itself. A record that cannot be
/// read costs itself and no other: a gap takes its place, so that no node sends it for ever.
struct OwedBatch: Sendable {
    let origin: Wire.Origin
    let first: UInt64
    let last: UInt64
    let records: [OwedRecord]

    /// Unpacks a batch. Blocks for some milliseconds: not on a loop.
    ///
    /// A node writes of the tasks that it may use. A record of another is a gap: with a batch that
    /// is refused, what comes after it would wait for ever.
    ///
    /// - Throws: `corrupt` when the block is not what its hash says, or its records are not those
    ///   that it states; `exhausted` past a bound.
    init(_ batch: UploadBatch, for access: Access) throws(Fault) {
        origin = batch.origin
        first = batch.first
        last = batch.last
        let block = try Zstd.expanded(batch.block, size: batch.size, limit: OwedBlock.most)
        guard Hash.sha256(block).bytes == batch.sha256 else {
            throw Fault(
                .corrupt, "the records \(first) to \(last) are not those that were hashed",
                source: .peer, retry: .after(.seconds(1)))
        }
        var records: [OwedRecord] = []
        var next = first
        for bytes in try OwedBlock.records(of: block) {
            let record = Self.admitted(Self.read(bytes, expected: next), for: access)
            records.append(record)
            next = record.last &+ 1
        }
        guard next == last &+ 1 else {
            throw Fault(
                .corrupt, "a batch of the records \(first) to \(last) ends before \(next)",
                source: .peer)
        }
        self.records = records
    }

    private static func read(_ bytes: Bytes, expected: UInt64) -> OwedRecord {
        if let record = try? OwedRecord.decode(bytes), record.sequence == expected {
            return record
        }
        return lost(expected, expected, "unreadable")
    }

    private static func admitted(_ record: OwedRecord, for access: Access) -> OwedRecord {
        guard let task = record.task, !access.mayUse(task) else { return record }
        return lost(record.sequence, record.sequence, "task_not_allowed")
    }

    static func lost(_ first: UInt64, _ last: UInt64, _ reason: String) -> OwedRecord {
        OwedRecord(
            sequence: first, at: WallTime(nanoseconds: 0), clock: 0,
            body: .gap(GapRecord(first: first, last: last, reason: reason)))
    }

    /// What was wrong with the node, minute by minute.
    var incidents: [Incident] {
        records.flatMap { record -> [Incident] in
            if case .telemetry(let minute)? = record.body { minute.incidents } else { [] }
        }
    }

    /// Frames that are owed an answer, with their sequences.
    var frames: [(sequence: UInt64, record: EscalationRecord)] {
        records.compactMap { record in
            if case .escalation(let owed)? = record.body { (record.sequence, owed) } else { nil }
        }
    }
}

extension OwedRecord {
    /// The task that it is about; `nil` where it is about the node.
    fileprivate var task: String? {
        switch body {
        case .result(let result): result.task
        case .escalation(let owed): owed.answer?.task
        case .label(let said): said.task
        case .telemetry, .alert, .gap, .audit, nil: nil
        }
    }
}

extension Records.Origin {
    init(_ origin: Wire.Origin) {
        self.init(
            site: origin.site, node: origin.node, epoch: origin.epoch,
            queue: Queue(rawValue: origin.queue.name) ?? .audit)
    }
}

extension Answer {
    /// - Parameter origin: whose frame it was.
    init(_ record: ResultRecord, of origin: Wire.Origin) {
        self.init(
            task: record.task,
            frame: record.sequence.flatMap { number in
                record.stream.isEmpty
                    ? nil : FrameName(stream: record.stream, sequence: number)
            },
            tier: Tier(rawValue: record.tier), node: record.node,
            bundle: Digest(record.bundle), label: record.label,
            confidence: record.confidence, answeredAt: record.answeredAt)
        input = record.inputHash
        accepted = record.accepted
        degraded = record.degraded
        approved = record.approved
        capturedAt = record.capturedAt
        latency = record.latency
        trace = record.trace
        request = record.request
        if node.isEmpty { node = origin.node }
    }

    /// What this node answered to a frame of another's.
    init(_ response: InferResponse, to frame: Answer, at time: WallTime) {
        self = frame
        tier = response.parameters.string("canopy.tier").flatMap(Tier.init(rawValue:))
        node = response.parameters.string("canopy.node") ?? ""
        bundle = response.parameters.string("canopy.bundle").flatMap { Digest($0) }
        label = response.bestLabel ?? ""
        confidence = response.parameters.number("canopy.confidence")
        accepted = response.parameters.bool("canopy.accepted") ?? true
        degraded = response.parameters.string("canopy.degraded") ?? ""
        approved = bundle != nil
        answeredAt = time
        latency = max(.zero, time - frame.answeredAt)
    }
}
