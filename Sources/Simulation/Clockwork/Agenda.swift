/// What is due, in the order of time: a calendar of slots of about a millisecond for what is near,
/// a heap for what is far. Adding costs the same however much is due.
struct Agenda {
    /// What was added, so that it can be taken back.
    struct Ticket {
        fileprivate var entry: Int32 = -1
        fileprivate var order = UInt64.max
    }

    /// An entry's neighbours in its slot, or the next that is unused; −1 where there is none.
    private struct Links {
        var next: Int32
        var previous: Int32
    }

    /// A slot is 2²⁰ ns: at a million occurrences a second it holds a thousand, which a small heap
    /// then orders.
    private static let slotBits: UInt64 = 20
    /// 8192 slots are 8.6 s: longer than the deadlines of most tasks, and 32 KiB.
    private static let slots: UInt64 = 8192

    /// The present slot and what is overdue, in order.
    private var near = Heap()
    /// First entry of each slot, −1 where there is none.
    private var heads = [Int32](repeating: -1, count: Int(slots))
    /// A bit for each slot that holds anything.
    private var held = [UInt64](repeating: 0, count: Int(slots / 64))
    private var entries: [Occurrence] = []
    private var links: [Links] = []
    private var unused: Int32 = -1
    private var inSlots = 0
    /// Past the calendar's end.
    private var far = Heap()
    /// Ticks, which come in the order of their times by themselves: each is added a tick's length
    /// after the last one was taken.
    private var ticks = TickLine()
    private var slot: UInt64 = 0
    /// A slot was opened since `isNews` was asked.
    private var isOpened = false
    private var added: UInt64 = 0
    /// How equal times are ordered: by the order of adding, unless a test plants another way.
    private let ties: [UInt64]?

    /// `ties`: 256 numbers that scramble the order of equal times; `nil` leaves it.
    init(ties: [UInt64]? = nil) { self.ties = ties }

    var count: Int { near.count + inSlots + far.count + ticks.count }

    /// What is due within the present slot, in no order.
    var present: [Occurrence] { near.items }

    /// Whether another slot was opened since this was asked last.
    mutating func isNews() -> Bool {
        defer { isOpened = false }
        return isOpened
    }

    @discardableResult
    mutating func add(_ occurrence: Occurrence) -> Ticket {
        var item = occurrence
        item.order = nextOrder()
        let due = item.at >> Self.slotBits
        if due <= slot {
            near.push(item)
        } else if due - slot < Self.slots {
            return Ticket(entry: file(item, in: place(of: due)), order: item.order)
        } else {
            far.push(item)
        }
        return Ticket()
    }

    /// Takes back what is not due soon or very late; what is comes all the same, and must find that
    /// nobody wants it.
    mutating func remove(_ ticket: Ticket) {
        let entry = Int(ticket.entry)
        guard entry >= 0, entries[entry].order == ticket.order else { return }
        let around = links[entry]
        let place = place(of: entries[entry].at >> Self.slotBits)
        if around.previous >= 0 {
            links[Int(around.previous)].next = around.next
        } else {
            heads[place] = around.next
            if around.next < 0 { held[place >> 6] &= ~(1 << UInt64(place & 63)) }
        }
        if around.next >= 0 { links[Int(around.next)].previous = around.previous }
        free(ticket.entry)
    }

    private func place(of slot: UInt64) -> Int { Int(slot & (Self.slots - 1)) }

    private mutating func free(_ entry: Int32) {
        entries[Int(entry)].order = .max
        links[Int(entry)].next = unused
        unused = entry
        inSlots -= 1
    }

    /// Adds a shard's tick.
    mutating func addTick(at: UInt64, _ shard: Int, _ incarnation: UInt32) {
        let tick = TickLine.Tick(
            at: at, order: nextOrder(), shard: UInt32(shard), incarnation: incarnation)
        if !ticks.append(tick) { add(tick.occurrence) }
    }

    private mutating func nextOrder() -> UInt64 {
        defer { added += 1 }
        return ties.map { $0[Int(added & 255)] << 48 | added } ?? added
    }

    /// The earliest one, unless it is due after `end`.
    mutating func take(until end: UInt64) -> Occurrence? {
        let tick = ticks.first
        if near.isEmpty { advance(until: min(end, tick?.at ?? end)) }
        if let tick, near.first.map({ tick.isBefore($0) }) ?? true {
            guard tick.at <= end else { return nil }
            ticks.removeFirst()
            return tick.occurrence
        }
        guard let first = near.first, first.at <= end else { return nil }
        return near.pop()
    }

    private mutating func file(_ item: Occurrence, in place: Int) -> Int32 {
        let entry: Int32
        if unused >= 0 {
            entry = unused
            unused = links[Int(entry)].next
            entries[Int(entry)] = item
        } else {
            entry = Int32(entries.count)
            entries.append(item)
            links.append(Links(next: -1, previous: -1))
        }
        let following = heads[place]
        links[Int(entry)] = Links(next: following, previous: -1)
        if following >= 0 { links[Int(following)].previous = entry }
        heads[place] = entry
        held[place >> 6] |= 1 << UInt64(place & 63)
        inSlots += 1
        return entry
    }

    /// Goes on to the next slot that holds anything, and orders it.
    private mutating func advance(until end: UInt64) {
        let last = end >> Self.slotBits
        var following = far.first.map { $0.at >> Self.slotBits } ?? .max
        if inSlots > 0 { following = min(following, nextHeld()) }
        guard following <= last else { return }
        slot = following
        open(place(of: slot))
        isOpened = true
        while let first = far.first, first.at >> Self.slotBits <= slot, let item = far.pop() {
            near.push(item)
        }
    }

    /// The first slot after the present one that holds anything; there is one.
    private func nextHeld() -> UInt64 {
        let start = slot + 1
        var place = start & (Self.slots - 1)
        var bits = held[Int(place >> 6)] >> (place & 63)
        var passed: UInt64 = 0
        while bits == 0 {
            let step = 64 - (place & 63)
            passed += step
            place = (place + step) & (Self.slots - 1)
            bits = held[Int(place >> 6)]
        }
        return start + passed + UInt64(bits.trailingZeroBitCount)
    }

    private mutating func open(_ place: Int) {
        var entry = heads[place]
        heads[place] = -1
        held[place >> 6] &= ~(1 << UInt64(place & 63))
        while entry >= 0 {
            let following = links[Int(entry)].next
            near.push(entries[Int(entry)])
            free(entry)
            entry = following
        }
    }
}
