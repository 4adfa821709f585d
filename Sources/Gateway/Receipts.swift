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
    }

    private struct Entry {
        var state: State
        var expiry: Instant
    }

    private struct Table {
        var entries: [UInt64: Entry] = [:]
        /// In the order of their opening, which is the order of their expiry.
        var order: [UInt64] = []
        var dropped = 0
    }

    /// Receipts that are kept: an answer is about 1 KiB, so 8 MiB at most.
    static let limit = 8_192
    /// How long an answer is kept after its frame came: a client that polls has come by then.
    static let lifetime = Interval.seconds(600)

    private let table = Mutex(Table())
    private let random: @Sendable () -> UInt64

    /// - Parameter random: unguessable numbers; a receipt is all that its holder shows.
    init(random: @escaping @Sendable () -> UInt64) {
        self.random = random
    }

    /// A new receipt.
    func open(now: Instant) -> String {
        let number = random()
        table.withLock { table in
            while let first = table.order.first,
                table.order.count >= Self.limit || isOver(first, table, now)
            {
                table.entries[first] = nil
                table.order.removeFirst()
                table.dropped += 1
            }
            table.entries[number] = Entry(state: .pending, expiry: now + Self.lifetime)
            table.order.append(number)
        }
        return String(number, radix: 16)
    }

    /// Stores the answer of a receipt; nothing happens when it has expired.
    func settle(_ receipt: String, _ answer: JSONAnswer) {
        guard let number = UInt64(receipt, radix: 16) else { return }
        table.withLock { $0.entries[number]?.state = .settled(answer) }
    }

    /// What a receipt stands for, or `nil` when there is no such receipt any more.
    func state(of receipt: some StringProtocol, now: Instant) -> State? {
        guard let number = UInt64(receipt, radix: 16) else { return nil }
        return table.withLock { table in
            guard let entry = table.entries[number], entry.expiry > now else { return nil }
            return entry.state
        }
    }

    private func isOver(_ number: UInt64, _ table: borrowing Table, _ now: Instant) -> Bool {
        table.entries[number].map { $0.expiry <= now } ?? true
    }
}
