import EventLoop
import Ground

/// One direction of a connection: takes bytes from one side and gives them to the other when the
/// schedule says.
final class Pump {
    private enum Item {
        case bytes(Bytes)
        /// The source has finished sending.
        case end
        /// The source was reset.
        case reset
    }

    private let link: Link
    private let loop: Loop
    private var schedule: Schedule
    private var queue: [(due: Instant, item: Item)] = []
    private var head = 0
    private var queued = 0
    private var timer: (any ScheduledTimer)?
    private var armedFor = Instant.distantFuture
    /// Whom it takes from and gives to; each until it has closed.
    var source: SocketTransport?
    var target: SocketTransport?

    init(link: Link, loop: Loop, seed: UInt64) {
        self.link = link
        self.loop = loop
        schedule = Schedule(seed: seed)
    }

    /// Bytes came from the source.
    func take(_ bytes: UnsafeRawBufferPointer, impairment: Impairment) {
        link.bytesIn += bytes.count
        let all = Bytes(copying: bytes)
        let piece = impairment.looksAtSegments ? Impairment.segment : bytes.count
        for start in stride(from: 0, to: all.count, by: piece) {
            put(.bytes(all[start..<min(start + piece, all.count)]), impairment)
        }
        queued += bytes.count
        if queued + (target?.unsent ?? 0) >= impairment.queueBound { source?.setReading(false) }
        // At once where there is no delay: a timer would add one.
        if head < queue.count && queue[head].due <= loop.time.now { deliver() } else { arm() }
    }

    /// The source has finished: so will the target, when all that was before has arrived.
    func takeEnd(abruptly: Bool, impairment: Impairment) {
        put(abruptly ? .reset : .end, impairment)
        arm()
    }

    /// Hands on what is due, unless the link stands still.
    func deliver() {
        let now = loop.time.now
        var due: [Bytes] = []
        while !link.isStalled, head < queue.count, queue[head].due <= now {
            let item = queue[head].item
            head += 1
            switch item {
            case .bytes(let bytes):
                due.append(bytes)
            case .end:
                send(&due)
                target?.finishSending()
            case .reset:
                send(&due)
                target?.close(abruptly: true)
            }
        }
        send(&due)
        compact()
        readOn()
        arm()
    }

    /// Takes up reading again where there is room.
    func readOn() {
        if queued + (target?.unsent ?? 0) <= link.impairment.queueBound / 2 {
            source?.setReading(true)
        }
    }

    /// Forgets what is on the way; the count of it.
    func drop() -> Int {
        defer {
            queue = []
            head = 0
            queued = 0
            timer?.cancel()
            armedFor = .distantFuture
        }
        return queued
    }

    private func put(_ item: Item, _ impairment: Impairment) {
        var count = 0
        if case .bytes(let bytes) = item { count = bytes.count }
        let lossesBefore = schedule.losses
        let reorderingsBefore = schedule.reorderings
        let due = schedule.arrival(
            of: count, now: loop.time.now, over: &link.pacer, impairment)
        link.losses += schedule.losses - lossesBefore
        link.reorderings += schedule.reorderings - reorderingsBefore
        queue.append((due, item))
    }

    private func send(_ due: inout [Bytes]) {
        guard !due.isEmpty else { return }
        let count = due.reduce(0) { $0 + $1.count }
        queued -= count
        link.bytesOut += count
        target?.send(due)
        due.removeAll(keepingCapacity: true)
    }

    private func compact() {
        // A moved element costs more than a dead one holds, until half of them are dead.
        guard head * 2 >= queue.count else { return }
        queue.removeFirst(head)
        head = 0
    }

    private func arm() {
        guard !link.isStalled, head < queue.count, queue[head].due < armedFor else { return }
        timer?.cancel()
        armedFor = queue[head].due
        timer = loop.schedule(after: armedFor - loop.time.now) { [weak self] in
            self?.armedFor = .distantFuture
            self?.deliver()
        }
    }
}

/// One direction of the link: what all its pumps share and count together.
final class Link {
    var impairment: Impairment
    var pacer = Pacer()
    var isStalled = false
    var bytesIn = 0
    var bytesOut = 0
    var losses = 0
    var reorderings = 0

    init(_ impairment: Impairment) { self.impairment = impairment }

    /// Counts as a JSON object.
    var json: String {
        "{\"in\":\(bytesIn),\"out\":\(bytesOut),\"losses\":\(losses),"
            + "\"reorderings\":\(reorderings)}"
    }
}
