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

/// Sends what the spool holds to the node above, on the spool's thread: a report first whenever it
/// is reached again, then batches, each until it is acknowledged. Nothing leaves the spool before
/// that, so a reply that is lost costs a batch that is sent twice and nothing else.
final class Uploader {
    /// How long the node above has for a call. A batch of frames is inferred there as `batch`.
    static let patience = Interval.seconds(60)
    static let reportPatience = Interval.seconds(4)
    /// How often an unreachable node is tried: it has a report within 5 s of being back.
    static let retry = Interval.seconds(2)
    /// How often a node that refuses records is tried: somebody must change its topology.
    static let refusedRetry = Interval.seconds(30)
    /// Frames of one batch: so many are inferred above before the watermark moves.
    static let mostFrames = 32
    /// Records of one batch: one group commit.
    static let mostRecords = SpoolDesk.group
    /// Bytes of a batch before compression, unless one record is larger.
    static let batchBytes = 1 << 20
    /// How long a backlog gives way to realtime frames that wait, and then one batch goes.
    static let givesWay = Interval.seconds(2)
    static let giveWayStep = Interval.milliseconds(50)

    /// What a topology must change before it is otherwise.
    private static let refusals: [Fault.Code] = [
        .forbidden, .unsupported, .precondition, .invalid, .unauthenticated,
    ]

    private enum Stage { case idle, away, calling }

    let desk: SpoolDesk
    let pool: ClientPool
    let site: String
    let node: String
    let report: () -> NodeReport
    private let gather: Interval
    private var stage = Stage.away
    private var pace: Pace
    private var turns = Turns()
    private var timer: (any ScheduledTimer)?
    private var gaveWayFrom: Instant?
    private var reason: String?
    private(set) var numbers = SpoolNumbers.Uploads()
    private(set) var awaySince: WallTime?
    /// Whether realtime frames wait on any loop.
    var isBusy: () -> Bool = { false }
    /// Hears of answers that were owed.
    var settled: (_ receipt: String, _ response: Bytes) -> Void = { _, _ in }
    /// Hears that the node above is gone, or back.
    var isAway: (Bool) -> Void = { _ in }

    private var loop: Loop { desk.loop }
    private var now: Instant { loop.time.now }

    init(
        _ desk: SpoolDesk, _ context: NodeContext, pool: ClientPool,
        report: @escaping () -> NodeReport
    ) {
        self.desk = desk
        self.pool = pool
        self.report = report
        site = context.blueprint.node.site ?? ""
        node = context.names.name
        gather = context.blueprint.node.spool.gather
        pace = Pace(bitsPerSecond: context.blueprint.node.spool.rate, now: desk.loop.time.now)
        awaySince = desk.loop.time.wall
    }

    func start() { sayReport() }

    func stop() {
        timer?.cancel()
        pool.close()
    }

    private func after(_ pause: Interval, _ body: @escaping (Uploader) -> Void) {
        timer?.cancel()
        timer = loop.schedule(after: pause) { [weak self] in
            if let self { body(self) }
        }
    }

    // MARK: The report

    private func sayReport() {
        stage = .calling
        let call = OwingReply { [weak self] in self?.reported($0) }
        send(RPCPath.report, report().encode(), Self.reportPatience, call)
    }

    private func reported(_ result: Result<Bytes, Fault>) {
        do throws(Fault) {
            let reply = try NodeReportReply.decode(try result.get())
            for mark in reply.watermarks where mark.queue != .escalation {
                try settle(SpoolQueue(mark.queue), through: mark.sequence)
            }
            numbers.reports += 1
            if awaySince != nil { desk.log.info("\(reply.node) takes what is owed") }
            (reason, awaySince) = (nil, nil)
            isAway(false)
            stage = .idle
            desk.publish()
            sendNext()
        } catch {
            failed(error)
        }
    }

    // MARK: Batches

    /// The spool has more. What comes one by one is gathered for a while.
    func committed() {
        guard stage == .idle, timer == nil else { return }
        after(gather) { $0.sendNext() }
    }

    private func sendNext() {
        timer = nil
        guard stage == .idle else { return }
        let depths = desk.spool.depths
        guard let index = turns.next({ depths[$0].first < depths[$0].next }),
            let queue = SpoolQueue(rawValue: UInt8(index))
        else { return }
        let pause = max(pace.pause(now: now), wayGiven())
        guard pause == .zero else { return after(pause) { $0.sendNext() } }
        do throws(Fault) {
            try send(queue)
        } catch {
            // The disk does not give what it holds; perhaps it does later.
            desk.log.error("what is owed cannot be read: \(error)")
            after(Self.refusedRetry) { $0.sendNext() }
        }
    }

    /// How long to let realtime frames go first.
    private func wayGiven() -> Interval {
        guard isBusy() else {
            gaveWayFrom = nil
            return .zero
        }
        let since = gaveWayFrom ?? now
        guard now - since < Self.givesWay else {
            gaveWayFrom = nil
            return .zero
        }
        gaveWayFrom = since
        return Self.giveWayStep
    }

    private func send(_ queue: SpoolQueue) throws(Fault) {
        let entries = try desk.spool.read(
            queue, after: 0, records: queue == .escalation ? Self.mostFrames : Self.mostRecords,
            bytes: Self.batchBytes)
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
        pace.spend(bytes, now: now)
        numbers.batches += 1
        numbers.records += entries.count
        numbers.plainBytes += sent.block.count
        numbers.sentBytes += bytes
        stage = .calling
        let call = OwingReply { [weak self] in self?.acknowledged(queue, sent, $0) }
        send(RPCPath.upload, message, Self.patience, call)
    }

    /// Frames that were dropped have no answer any more, and whoever holds their receipts hears so.
    private func lose(_ entries: [SpoolEntry]) throws(Fault) {
        for case .gap(let gap) in entries {
            try desk.book.lose(gap.from...gap.through, "the frame was dropped: \(gap.reason)")
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
            stage = .idle
            desk.publish()
            let pause = reply.watermark < sent.last ? max(reply.retryAfter, .seconds(1)) : .zero
            if pause == .zero { return sendNext() }
            after(pause) { $0.sendNext() }
        } catch {
            failed(error)
        }
    }

    /// Writes the answers of owed frames down, and tells whoever still waits for them.
    private func keep(_ reply: UploadReply, of sent: SentBatch) throws(Fault) {
        var answers: [(id: String, sequence: UInt64, state: ReceiptBook.State)] = []
        for settlement in reply.settlements {
            guard let receipt = sent.receipts[settlement.sequence] else { continue }
            switch settlement.outcome {
            case .response(let bytes):
                answers.append((receipt, settlement.sequence, .answered(bytes.array)))
            case .error(let words):
                answers.append((receipt, settlement.sequence, .lost(words)))
            }
        }
        try desk.book.settle(answers)
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
        let last = min(watermark, depth.next - 1)
        guard last >= depth.first else { return }
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
        stage = .away
        if awaySince == nil {
            awaySince = loop.time.wall
            isAway(true)
        }
        if fault.message != reason { desk.log.warning("what is owed is kept: \(fault)") }
        reason = fault.message
        desk.publish()
        let isRefused = Self.refusals.contains(fault.code)
        after(isRefused ? Self.refusedRetry : Self.retry) { $0.sayReport() }
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
