import Cryptography
import EventLoop
import Ground
import Logging
import Node
import Spool
import Storage
import Topology
import Wire

/// The node's spool on its own thread: what the loops hand over is written here, committed together
/// and read again to be sent. Disk calls block, and nobody else waits for them.
final class SpoolDesk {
    let loop: Loop
    let spool: Spool
    let book: ReceiptBook
    let log: Logger
    private var rhythm: GroupCommit
    /// Whoever waits to hear that a record is on disk.
    private var waiting: [Waiting] = []
    private var promised: [(promise: ReceiptBook.Promise, sequence: UInt64)] = []

    private struct Waiting {
        let queue: SpoolQueue
        let sequence: UInt64
        let then: @Sendable (Bool) -> Void
    }

    private var timer: (any ScheduledTimer)?
    private var failure: String?
    /// Tells everybody how full it is.
    var publish: () -> Void = {}
    /// Hears that there is something to send.
    var committed: () -> Void = {}
    /// The alerts that it holds.
    private(set) lazy var shelf = AlertShelf(self, folder: folder)
    private let folder: String

    /// Opens the spool of a node. Blocks.
    init(_ context: NodeContext, on loop: Loop, random: @escaping () -> UInt64) throws(Fault) {
        let plan = context.blueprint.node.spool
        let folder = context.topology.spoolFolder(of: context.blueprint.node)
        self.loop = loop
        self.folder = folder
        log = context.log
        rhythm = GroupCommit(plan)
        var settings = SpoolSettings(quota: context.blueprint.node.budget.spool ?? 0)
        settings.recordBytes = SpoolLink.largest
        settings.key = try plan.key.map { (place) throws(Fault) in try Self.key(place) }
        spool = try Spool(folder: folder, disk: SegmentFiles(), settings: settings, draw: random)
        book = try ReceiptBook(folder: "\(folder)/receipts") { [log] loss in
            log.error("receipts are lost: \(loss)")
        }
    }

    /// - Parameter receipt: of a frame that is owed, which the book then knows.
    /// - Returns: its sequence; `nil` when it was not taken.
    @discardableResult
    func append(
        _ queue: OwedQueue, _ record: [Bytes], receipt: ReceiptBook.Promise?,
        then: (@Sendable (Bool) -> Void)?
    ) -> UInt64? {
        let sequence: UInt64
        do throws(Fault) {
            sequence = try spool.append(SpoolQueue(queue), record)
            if let receipt { promised.append((receipt, sequence)) }
        } catch {
            fail(error)
            then?(false)
            return nil
        }
        if let then {
            waiting.append(Waiting(queue: SpoolQueue(queue), sequence: sequence, then: then))
        }
        let now = loop.time.now
        let due = rhythm.appended(
            SpoolQueue(queue), isAwaited: then != nil, pending: spool.pending, now: now)
        guard let due else { return sequence }
        if due > now { schedule(due) } else { commit() }
        return sequence
    }

    private func schedule(_ due: Instant) {
        timer?.cancel()
        timer = loop.schedule(at: due) { [weak self] in self?.commit() }
    }

    /// Makes durable what was appended, and says so.
    func commit() {
        timer?.cancel()
        timer = nil
        rhythm.committed()
        let (heard, receipts) = (waiting, promised)
        waiting.removeAll(keepingCapacity: true)
        promised.removeAll(keepingCapacity: true)
        var isKept = true
        do throws(Fault) {
            try spool.commit()
            // What there was no room for is a gap, and no promise.
            try book.promise(receipts.filter { spool.holds(.escalation, $0.sequence) })
            if failure != nil { log.info("the spool is written to again") }
            failure = nil
        } catch {
            isKept = false
            fail(error)
        }
        for one in heard { one.then(isKept && spool.holds(one.queue, one.sequence)) }
        publish()
        committed()
    }

    /// Each reason when it is new: a full disk would fill the log too.
    private func fail(_ fault: Fault) {
        guard failure != fault.message else { return }
        failure = fault.message
        log.error("the spool does not take what is owed: \(fault)")
    }

    var depths: [QueueDepth] {
        spool.depths.map { depth in
            QueueDepth(
                queue: OwedQueue(depth.queue), first: depth.first, next: depth.next,
                records: depth.records, bytes: UInt64(clamping: depth.bytes),
                dropped: depth.dropped)
        }
    }

    /// Writes down what waits, and closes. Nothing is taken any more.
    func close() {
        commit()
        shelf.settle()
        book.close()
    }

    private static func key(_ place: SecretPlace) throws(Fault) -> SealingKey {
        let text = try place.read()
        guard let digest = Digest("sha256:\(text)") else {
            throw Fault(
                .invalid, "the spool's key has \(text.utf8.count) characters and is no key",
                remedy: "make one with `openssl rand -hex 32`")
        }
        return try SealingKey(digest.bytes)
    }
}

extension SpoolQueue {
    init(_ queue: OwedQueue) {
        self =
            switch queue {
            case .escalation: .escalation
            case .result: .result
            case .telemetry: .telemetry
            case .alert: .alert
            case .audit: .audit
            }
    }
}

extension OwedQueue {
    init(_ queue: SpoolQueue) {
        self =
            switch queue {
            case .escalation: .escalation
            case .result: .result
            case .telemetry: .telemetry
            case .alert: .alert
            case .audit: .audit
            }
    }
}
