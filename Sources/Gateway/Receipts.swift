import Ground
import Synchronization
import Wire

/// Later answers of clients that cannot be sent one: kept under a receipt for whoever comes for it.
///
/// Node-wide, since the client may come back on another loop.
final class Receipts: Sendable {
    /// What a receipt stands for.
    enum State: Sendable {
        case pending
        case settled(JSONAnswer)
        /// The answer came, and has more bytes than are kept of one.
        case tooLarge(Int)
    }

    fileprivate struct Entry {
        var state = State.pending
        let expiry: Instant
        var bytes = 0
    }

    fileprivate struct Table {
        var entries: [UInt64: Entry] = [:]
        /// In the order of their opening, which is the order of their expiry; those before `first`
        /// are gone.
        var order: [UInt64] = []
        var first = 0
        var bytes = 0
        var lost = 0
    }

    /// Receipts that are kept: a minute and more of four cameras at 30 frames a second, all of
    /// which escalate.
    static let limit = 8_192
    /// Bytes of their answers: 2 KiB for each, where a classification takes 1 KiB.
    static let byteLimit = 16 << 20
    /// Bytes of one answer: the raw tensors of a detector. Larger ones would push out all others.
    static let largest = 1 << 20
    /// How long an answer is kept after its frame came: a client that polls has come by then.
    static let lifetime = Interval.seconds(600)

    private let table = Mutex(Table())
    private let random: @Sendable () -> UInt64

    /// - Parameter random: unguessable numbers; a receipt is all that its holder shows.
    init(random: @escaping @Sendable () -> UInt64) {
        self.random = random
    }

    /// Receipts that were given up before their time, for want of room.
    var lost: Int { table.withLock { $0.lost } }

    /// Bytes of the answers that are kept.
    var bytes: Int { table.withLock { $0.bytes } }

    /// The name of a receipt that is kept elsewhere.
    func name() -> String { String(random(), radix: 16) }

    /// A new receipt.
    func open(now: Instant) -> String {
        let number = random()
        table.withLock { table in
            while let oldest = table.oldest,
                table.entries.count >= Self.limit || oldest.expiry <= now
            {
                table.dropOldest(now: now)
            }
            table.entries[number] = Entry(expiry: now + Self.lifetime)
            table.order.append(number)
        }
        return String(number, radix: 16)
    }

    /// Stores the answer of a receipt; nothing happens when it has expired.
    func settle(_ receipt: String, _ answer: JSONAnswer, now: Instant) {
        guard let number = UInt64(receipt, radix: 16) else { return }
        let size = answer.body.reduce(0) { $0 + $1.count }
        // A copy: the answer's own memory is of the byte budget, which frames need.
        let kept = size <= Self.largest ? answer.copied : nil
        table.withLock { table in
            guard table.entries[number] != nil else { return }
            guard let kept else {
                table.entries[number]?.state = .tooLarge(size)
                return
            }
            table.entries[number]?.state = .settled(kept)
            table.entries[number]?.bytes = size
            table.bytes += size
            while table.bytes > Self.byteLimit { table.dropOldest(now: now) }
        }
    }

    /// What a receipt stands for, or `nil` when there is no such receipt any more.
    func state(of receipt: some StringProtocol, now: Instant) -> State? {
        guard let number = UInt64(receipt, radix: 16) else { return nil }
        return table.withLock { table in
            guard let entry = table.entries[number], entry.expiry > now else { return nil }
            return entry.state
        }
    }
}

extension Receipts.Table {
    fileprivate var oldest: Receipts.Entry? {
        first < order.count ? entries[order[first]] : nil
    }

    fileprivate mutating func dropOldest(now: Instant) {
        guard first < order.count, let entry = entries.removeValue(forKey: order[first]) else {
            return
        }
        bytes -= entry.bytes
        if entry.expiry > now { lost += 1 }
        first += 1
        // The places before are given back when they are as many as the table is large.
        if first >= Receipts.limit {
            order.removeFirst(first)
            first = 0
        }
    }
}

extension JSONAnswer {
    /// The same in memory of its own, in one piece.
    fileprivate var copied: JSONAnswer {
        let count = body.reduce(0) { $0 + $1.count }
        let slab = Slab(capacity: count)
        var offset = 0
        for part in body where part.count > 0 {
            part.withUnsafeBytes {
                (slab.base + offset).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
            }
            offset += part.count
        }
        var copy = self
        copy.body = [Bytes(slab: slab, start: 0, count: count)]
        return copy
    }
}
