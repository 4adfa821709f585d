import Compression
import Cryptography
import EventLoop
import Ground
import HTTP
import Logging
import Node
import Spool
import Topology
import Wire

/// Sends what the spool holds to the node above, on the spool's thread, as `Uploading` says.
final class Uploader {
    /// What a topology must change before it is otherwise.
    private static let refusals: [Fault.Code] = [
        .forbidden, .unsupported, .precondition, .invalid, .unauthenticated,
    ]

    let desk: SpoolDesk
    let pool: ClientPool
    let site: String
    let node: String
    let report: () -> NodeReport
    private let hub: String
    private let incidents: IncidentBook
    private var plan: Uploading
    private var timer: (any ScheduledTimer)?
    private var reason: String?
    private(set) var numbers = SpoolNumbers.Uploads()
    private(set) var awaySince: WallTime?
    /// Whether realtime frames wait on any loop.
    var isBusy: () -> Bool = { false }
    /// Hears of answers that were owed.
    var settled: (_ receipt: String, _ response: Bytes) -> Void = { _, _ in }

    private var loop: Loop { desk.loop }
    private var now: Instant { loop.time.now }

    init(
        _ desk: SpoolDesk, _ context: NodeContext, to hub: String, pool: ClientPool,
        report: @escaping () -> NodeReport
    ) {
        self.desk = desk
        self.pool = pool
        self.report = report
        site = context.blueprint.node.site ?? ""
        node = context.names.name
        self.hub = hub
        incidents = context.incidents
        plan = Uploading(context.blueprint.node.spool, now: desk.loop.time.now)
        awaySince = desk.loop.time.wall
    }

    func start() { go() }

    func stop() {
        timer?.cancel()
        pool.close()
    }

    /// Takes the next step, now or after a pause.
    private func go(after pause: Interval = .zero) {
        timer?.cancel()
        timer = nil
        guard pause == .zero else {
            timer = loop.schedule(after: pause) { [weak self] in self?.go() }
            return
        }
        let depths = desk.spool.depths
        let step = plan.next(now: now, isBusy: isBusy()) { queue in
            let depth = depths[Int(queue.rawValue)]
            return OwedQueue(queue).goesUp && depth.first < depth.next
        }
        switch step {
        case .report: sayReport()
        case .send(let queue, let records, let bytes): send(queue, records, bytes)
        case .wait(let pause): go(after: pause)
        case .rest: break
        }
    }

    // MARK: The report

    private func sayReport() {
        let said = report()
        let call = OwingReply { [weak self] in self?.reported(said, $0) }
        send(RPCPath.report, said.encode(), Uploading.reportPatience, call)
    }

    private func reported(_ said: NodeReport, _ result: Result<Bytes, Fault>) {
        do throws(Fault) {
            let reply = try NodeReportReply.decode(try result.get())
            for mark in reply.watermarks where mark.queue != .escalation && mark.queue.goesUp {
                try settle(SpoolQueue(mark.queue), through: mark.sequence)
            }
            numbers.reports += 1
            if awaySince != nil { desk.log.info("\(reply.node) takes what is owed") }
            (reason, awaySince) = (nil, nil)
            incidents.ended(IncidentBook.disconnected, hub, at: said.at)
            incidents.told(said.incidents)
            plan.reported()
            desk.publish()
            go()
        } catch {
            failed(error)
        }
    }

    // MARK: Batches

    /// The spool has more. What comes one by one is gathered for a while.
    func committed() {
        guard timer == nil, let pause = plan.gathering else { return }
        go(after: pause)
    }

    private func send(_ queue: SpoolQueue, _ records: Int, _ bytes: Int) {
        do throws(Fault) {
            try trySend(queue, records, bytes)
        } catch {
            // The disk does not give what it holds; perhaps it does later.
            desk.log.error("what is owed cannot be read: \(error)")
            go(after: Uploading.refusedRetry)
        }
    }

    private func trySend(_ queue: SpoolQueue, _ records: Int, _ most: Int) throws(Fault) {
        let entries = try desk.spool.read(queue, after: 0, records: records, bytes: most)
        let isFrames = queue == .escalation
        guard let sent = try SentBatch(entries, holdsFrames: isFrames, time: loop.time.wall)
        else { return }
        if isFrames { try lose(entries) }
        let origin = Wire.Origin(
            site: site, node: node, epoch: desk.spool.epoch, queue: OwedQueue(queue))
        let packed = try Zstd.compressed(sent.block)
        let batch = UploadBatch(
            origin: origin, first: sent.first, last: sent.last,
            sha256: Hash.sha256(sent.block).bytes, size: sent.block.count, block: packed)
        let message = batch.encode()
        let bytes = message.reduce(0) { $0 + $1.count }
        plan.sent(bytes, now: now)
        numbers.batches += 1
        numbers.records += entries.count
        numbers.plainBytes += sent.block.count
        numbers.sentBytes += bytes
        let call = OwingReply { [weak self] in self?.acknowledged(queue, sent, $0) }
        send(RPCPath.upload, message, Uploading.patience, call)
    }

    /// Frames that were dropped have no answer any more, and whoever holds their receipts hears so.
    private func lose(_ entries: [SpoolEntry]) throws(Fault) {
        for case .gap(let gap) in entries {
            try desk.book.lose(
                gap.from...gap.through, "the frame was dropped: \(gap.reason)",
                at: loop.time.wall)
        }
    }

    private func acknowledged(
        _ queue: SpoolQueue, _ sent: SentBatch, _ result: Result<Bytes, Fault>
    ) {
        do throws(Fault) {
            let reply = try UploadReply.decode(try result.get())
            guard reply.origin.epoch == desk.spool.epoch, reply.origin.queue == OwedQueue(queue)
            else { throw Fault(.corrupt, "the answer is about another batch", source: .peer) }
            if queue == .escalation { try keep(reply, of: sent) }
            // Beyond what was sent now the settlements are not here yet.
            try settle(queue, through: min(reply.watermark, sent.last))
            let pause = plan.acknowledged(
                through: reply.watermark, of: sent.first, sent.last, retryAfter: reply.retryAfter)
            desk.publish()
            go(after: pause)
        } catch {
            failed(error)
        }
    }

    /// Writes the answers of owed frames down, and tells whoever still waits for them.
    private func keep(_ reply: UploadReply, of sent: SentBatch) throws(Fault) {
        let answers = sent.endings(reply)
        try desk.book.settle(answers, at: loop.time.wall)
        numbers.settled += answers.count
        for settlement in reply.settlements {
            guard let receipt = sent.receipts[settlement.sequence],
                case .response(let bytes) = settlement.outcome
            else { continue }
            settled(receipt, bytes)
        }
    }

    private func settle(_ queue: SpoolQueue, through watermark: UInt64) throws(Fault) {
        let depth = desk.spool.depths[Int(queue.rawValue)]
        guard
            let last = Uploading.settled(by: watermark, first: depth.first, next: depth.next)
        else { return }
        try desk.spool.settle(queue, through: last)
    }

    // MARK: Calls

    private func send(
        _ path: String, _ message: [Bytes], _ patience: Interval, _ handler: OwingReply
    ) {
        let call = pool.call(path, deadline: now + patience, handler: handler)
        call.send(message: message)
        call.halfClose()
    }

    private func failed(_ fault: Fault) {
        numbers.failures += 1
        let since = awaySince ?? loop.time.wall
        awaySince = since
        incidents.began(IncidentBook.disconnected, hub, at: since, words: fault.message)
        if fault.message != reason { desk.log.warning("what is owed is kept: \(fault)") }
        reason = fault.message
        desk.publish()
        go(after: plan.failed(isRefused: Self.refusals.contains(fault.code)))
    }
}

/// Hears of one call to the node above.
final class OwingReply: ClientCallHandler {
    private let done: (Result<Bytes, Fault>) -> Void
    private var message: Bytes?

    init(_ done: @escaping (Result<Bytes, Fault>) -> Void) { self.done = done }

    func message(_ bytes: Bytes) { message = bytes }

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        if status.code == .ok, let message { return done(.success(message)) }
        done(.failure(fault ?? Fault(.corrupt, "the node above gave no answer", source: .peer)))
    }
}
