import EventLoop
import Ground
import Node
import Synchronization
import Wire

/// The way of a node's loops to its spool. From any thread.
final class SpoolLink: Sendable {
    /// Bytes of records that may wait for the spool's thread: a second of what a disk takes, and a
    /// sixteenth of the memory that frames may have by default. What comes beyond is not taken.
    static let waitingLimit = 16 << 20
    /// The largest record that is kept. A block of `OwedBlock.most` holds one, and half of it lets
    /// blocks be sent again without regret.
    static let largest = 8 << 20

    let desk: LoopConfined<SpoolDesk>
    private let waiting = Atomic<Int>(0)
    private let refusedCount = Atomic<Int>(0)
    private let lastClock = Atomic<UInt64>(0)
    private let tickets = Atomic<UInt64>(0)
    private let known: Mutex<SpoolNumbers>

    init(_ desk: LoopConfined<SpoolDesk>, _ numbers: SpoolNumbers) {
        self.desk = desk
        known = Mutex(numbers)
    }

    /// How full the spool is, as it said last.
    var numbers: SpoolNumbers {
        get { known.withLock { $0 } }
    }

    /// Records that were not taken because too many bytes waited.
    var refused: Int { refusedCount.load(ordering: .relaxed) }

    func publish(_ numbers: SpoolNumbers) { known.withLock { $0 = numbers } }

    /// The next moment of the node's hybrid logical clock: never before one that it gave, and as
    /// near to the time of day as that allows.
    func clock(_ wall: WallTime) -> UInt64 {
        var last = lastClock.load(ordering: .relaxed)
        while true {
            let next = LogicalClock.next(after: last, wall)
            let (done, seen) = lastClock.compareExchange(
                expected: last, desired: next, ordering: .relaxed)
            if done { return next }
            last = seen
        }
    }

    /// Hands a record to the spool.
    ///
    /// - Parameters:
    ///   - receipt: of a frame that is owed.
    ///   - then: hears on the spool's thread whether it is on disk.
    func append(
        _ queue: OwedQueue, _ record: [Bytes], receipt: ReceiptBook.Promise? = nil,
        then: (@Sendable (Bool) -> Void)? = nil
    ) {
        let isPosted = post(record.reduce(0) { $0 + $1.count }) { desk in
            desk.append(queue, record, receipt: receipt, then: then)
        }
        if !isPosted { then?(false) }
    }

    /// Has a body run on the spool's thread; false when too many bytes wait for that.
    func post(_ size: Int, _ body: @escaping @Sendable (SpoolDesk) -> Void) -> Bool {
        guard size <= Self.largest, waiting.load(ordering: .relaxed) + size <= Self.waitingLimit
        else {
            refusedCount.add(1, ordering: .relaxed)
            return false
        }
        waiting.add(size, ordering: .relaxed)
        let isPosted = desk.post { [waiting = WaitingBytes(self, size)] desk in
            waiting.end()
            body(desk)
        }
        guard !isPosted else { return true }
        waiting.subtract(size, ordering: .relaxed)
        refusedCount.add(1, ordering: .relaxed)
        return false
    }

    /// A number that this process gives once.
    func ticket() -> UInt64 { tickets.add(1, ordering: .relaxed).newValue }

    /// What a receipt of a frame that was owed stands for; `then` hears it on the spool's thread.
    func receipt(_ name: String, then: @escaping @Sendable (ReceiptBook.State?) -> Void) {
        if !desk.post({ then($0.book.state(of: name)) }) { then(nil) }
    }

    /// The receipts that `query` asks for; `then` hears it on the spool's thread.
    func receipts(
        _ query: ReceiptsQuery, then: @escaping @Sendable (Result<ReceiptsPage, Fault>) -> Void
    ) {
        let isPosted = desk.post { desk in
            then(Result { () throws(Fault) in try desk.book.page(query) })
        }
        if !isPosted { then(.failure(Fault(.unavailable, "the node ends"))) }
    }

    private struct WaitingBytes: Sendable {
        let link: SpoolLink
        let size: Int

        init(_ link: SpoolLink, _ size: Int) {
            self.link = link
            self.size = size
        }

        func end() { link.waiting.subtract(size, ordering: .relaxed) }
    }
}

/// How full a spool is, and how its uploads go.
struct SpoolNumbers: Sendable {
    var epoch: UInt64 = 0
    var depths: [QueueDepth] = []
    /// Bytes of disk that it has.
    var held = 0
    /// Since when the node above has not been reached; `nil` while it is.
    var awaySince: WallTime?
    var uploads = Uploads()

    struct Uploads: Sendable {
        var batches = 0
        var records = 0
        var failures = 0
        /// Bytes of blocks before and after compression.
        var plainBytes = 0
        var sentBytes = 0
        var reports = 0
        var settled = 0
    }
}
