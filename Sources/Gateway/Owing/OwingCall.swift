import Cryptography
import EventLoop
import Ground
import HTTP
import Logging
import Records
import Synchronization
import Topology
import Wire

/// The methods of canopy.v1.Owing.
enum OwingMethod {
    case report, upload

    init?(path: String) {
        switch path {
        case RPCPath.report: self = .report
        case RPCPath.upload: self = .upload
        default: return nil
        }
    }
}

/// How many uploads a node takes at once, on all its loops.
final class OwedIntake: Sendable {
    /// Each takes up to two blocks of 16 MiB; more than these wait at their nodes, which have disks
    /// for that.
    static let most = 4
    private let running = Atomic<Int>(0)

    func begin() throws(Fault) {
        guard running.add(1, ordering: .relaxed).newValue <= Self.most else {
            end()
            throw Fault(
                .exhausted, "\(Self.most) uploads are under way already",
                retry: .after(.milliseconds(500)))
        }
    }

    func end() { running.subtract(1, ordering: .relaxed) }
}

/// One call of canopy.v1.Owing: what a node below reports of itself, or what it owes. Disk and
/// decompression are off the loop; frames are inferred on it.
final class OwingCall: CallHandler {
    private let call: ServerCall
    private let method: OwingMethod
    private let access: Access
    private let shard: Shard
    private let store: RecordStore
    private let context: NodeContext
    private var frames: OwedFrames?
    private var hasMessage = false
    private var isUploading = false

    init(
        _ call: ServerCall, _ method: OwingMethod, _ access: Access, _ shard: Shard,
        _ store: RecordStore, _ context: NodeContext
    ) {
        self.call = call
        self.method = method
        self.access = access
        self.shard = shard
        self.store = store
        self.context = context
    }

    func message(_ bytes: Bytes) {
        guard !hasMessage else { return }
        hasMessage = true
        do throws(Fault) {
            switch method {
            case .report: try report(NodeReport.decode(bytes))
            case .upload: try upload(UploadBatch.decode(bytes))
            }
        } catch {
            finish(error)
        }
    }

    func halfClosed() {
        guard !hasMessage else { return }
        call.finish(Fault(.invalid, "the call ended without a message", source: .client))
    }

    func cancelled(_ fault: Fault) {
        frames?.cancel()
        release()
    }

    /// A node speaks of itself alone, and of the site that the topology gives it.
    private func check(_ node: String, _ site: String) throws(Fault) {
        guard let identity = call.identity, identity.kind == .node, identity.name == node else {
            throw Fault(
                .forbidden,
                "\(call.identity?.description ?? "nobody") speaks of what \(node) owes",
                source: .client, remedy: "call with the certificate of that node")
        }
        let known = context.topology.node(named: node)?.site ?? ""
        guard known == site else {
            throw Fault(
                .forbidden,
                "\(node) says that it is at '\(site)', and the topology says '\(known)'",
                source: .client, remedy: "give both nodes the same topology")
        }
    }

    // MARK: Reports

    private func report(_ report: NodeReport) throws(Fault) {
        try check(report.node, report.site)
        context.log.notice(
            "\(report.node) reports: version \(report.version), \(report.ready ? "" : "not ")ready",
            metadata: [
                "owes": "\(report.owes)", "dropped": "\(report.dropped)",
                "incidents": "\(report.incidents.map { "\($0.kind) \($0.subject)" })",
            ])
        let (store, now, node) = (store, shard.time.wall, shard.names.name)
        try shard.loop.offLoop {
            Result { () throws(Fault) -> NodeReportReply in
                try Self.keep(report, in: store, now)
                var marks: [NodeReportReply.Watermark] = []
                for depth in report.depths where depth.queue.goesUp {
                    let origin = Wire.Origin(
                        site: report.site, node: report.node, epoch: report.epoch,
                        queue: depth.queue)
                    let mark = try store.report(
                        Records.Origin(origin), oldest: depth.first, now: now)
                    marks.append(NodeReportReply.Watermark(queue: depth.queue, sequence: mark))
                }
                return NodeReportReply(node: node, watermarks: marks, at: now)
            }
        } completion: { [self] (result: Result<NodeReportReply, Fault>) in
            end(result)
        }
    }

    /// Keeps what a node says of itself, and apart from that what was wrong with it: that adds up.
    private static func keep(
        _ report: NodeReport, in store: RecordStore, _ now: WallTime
    ) throws(Fault) {
        try store.keep(
            report.incidents.map(NodeIncident.init), of: report.node, site: report.site, now: now)
        var rest = report
        rest.incidents = []
        try store.keep(
            report: rest.encode().flatMap(\.array), of: report.node, site: report.site, now: now)
    }

    // MARK: Uploads

    private func upload(_ batch: UploadBatch) throws(Fault) {
        try check(batch.origin.node, batch.origin.site)
        try context.intake.begin()
        isUploading = true
        let (store, access) = (store, access)
        try shard.loop.offLoop {
            Result { () throws(Fault) -> (OwedBatch, Set<UInt64>) in
                let opened = try OwedBatch(batch, for: access)
                guard opened.origin.queue == .escalation else { return (opened, []) }
                let settled = try store.settlements(
                    of: Records.Origin(opened.origin), opened.first...opened.last)
                return (opened, Set(settled.map(\.sequence)))
            }
        } completion: { [self] (result: Result<(OwedBatch, Set<UInt64>), Fault>) in
            switch result {
            case .success((let batch, let settled)): infer(batch, settled)
            case .failure(let fault): finish(fault)
            }
        }
    }

    /// Answers the frames that have no answer yet. What came before gets the same as then.
    private func infer(_ batch: OwedBatch, _ settled: Set<UInt64>) {
        let frames = OwedFrames(
            batch.frames.filter { !settled.contains($0.sequence) }, shard, access,
            from: batch.origin.node
        ) { [self] outcomes in keep(batch, settled, outcomes) }
        self.frames = frames
        frames.start()
    }

    private func keep(
        _ batch: OwedBatch, _ settled: Set<UInt64>, _ outcomes: [UInt64: OwedOutcome]
    ) {
        frames = nil
        guard call.isOpen else { return release() }
        var all = outcomes
        // The store has these and takes nothing of them again.
        for sequence in settled { all[sequence] = .failed("") }
        let (store, now, complete) = (store, shard.time.wall, all)
        do throws(Fault) {
            try shard.loop.offLoop {
                Result { () throws(Fault) in try Self.ingest(batch, complete, store, now) }
            } completion: { [self] (result: Result<UploadReply, Fault>) in
                end(result)
            }
        } catch {
            finish(error)
        }
    }

    private static func ingest(
        _ batch: OwedBatch, _ outcomes: [UInt64: OwedOutcome], _ store: RecordStore,
        _ now: WallTime
    ) throws(Fault) -> UploadReply {
        let origin = Records.Origin(batch.origin)
        // Before the watermark moves: what was wrong is told by no other record.
        try store.keep(
            batch.incidents.map(NodeIncident.init), of: origin.node, site: origin.site, now: now)
        let mark: UInt64
        if let delivery = batch.delivery(outcomes) {
            mark = try store.ingest(delivery, now: now).watermark
        } else {
            mark = try store.watermark(of: origin)
        }
        let settlements =
            batch.origin.queue == .escalation && mark >= batch.first
            ? try store.settlements(of: origin, batch.first...min(mark, batch.last)) : []
        return UploadReply(
            origin: batch.origin, watermark: mark,
            settlements: settlements.map(Wire.Settlement.init),
            retryAfter: mark < batch.last ? .seconds(1) : .zero)
    }

    // MARK: The end

    private func end(_ result: Result<some WireMessage, Fault>) {
        switch result {
        case .success(let answer):
            call.send(message: answer.encode())
            call.finish()
            release()
        case .failure(let fault): finish(fault)
        }
    }

    private func finish(_ fault: Fault) {
        shard.metrics.rejected(fault)
        call.finish(fault)
        release()
    }

    private func release() {
        if isUploading { context.intake.end() }
        isUploading = false
    }
}

extension NodeIncident {
    init(_ incident: Incident) {
        self.init(
            kind: incident.kind, subject: incident.subject, began: incident.began,
            ended: incident.ended, words: incident.words)
    }
}

extension NodeReport {
    fileprivate var owes: String {
        depths.filter { $0.records > 0 }.map { "\($0.records) \($0.queue.name)" }
            .joined(separator: ", ")
    }

    fileprivate var dropped: UInt64 {
        depths.reduce(0) { $0.saturatingSum($1.dropped) }
    }
}
