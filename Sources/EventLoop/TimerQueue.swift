/// Bodies to call at moments, ordered by moment and then by the order in which they were added.
///
/// A binary heap over plain values: thousands of deadlines a second are added and nearly all of
/// them are cancelled, so adding costs a short sift, cancelling costs O(1), and neither touches
/// libuv. A cancelled entry leaves its closure at once and its place in the heap lazily.
final class TimerQueue {
    private struct Entry {
        var deadline: UInt64
        var order: UInt64
        var slot: Int

        func precedes(_ other: Entry) -> Bool {
            deadline < other.deadline || (deadline == other.deadline && order < other.order)
        }
    }

    private struct Slot {
        var body: (() -> Void)?
        var order: UInt64
    }

    /// Dead entries that are always tolerated; past it, they may be at most half of the heap. Below
    /// this many a rebuild costs more than the 24 bytes that each dead entry holds.
    static let toleratedDead = 64

    private var heap: [Entry] = []
    private var slots: [Slot] = []
    private var free: [Int] = []
    private var nextOrder: UInt64 = 0
    private var dead = 0

    /// Entries that are waiting and not cancelled.
    var count: Int { heap.count - dead }

    /// Entries in memory, the cancelled ones among them.
    var footprint: Int { heap.count }

    /// Adds `body` for the moment `deadline` in nanoseconds; slot and order name it for `cancel`.
    func add(deadline: UInt64, body: @escaping () -> Void) -> (slot: Int, order: UInt64) {
        let order = nextOrder
        nextOrder += 1
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            slots[slot] = Slot(body: body, order: order)
        } else {
            slot = slots.count
            slots.append(Slot(body: body, order: order))
        }
        heap.append(Entry(deadline: deadline, order: order, slot: slot))
        Self.siftUp(&heap, from: heap.count - 1)
        return (slot, order)
    }

    /// Drops the body that was added as `order`; nothing happens when it ran or was cancelled.
    func cancel(slot: Int, order: UInt64) {
        guard slot < slots.count, slots[slot].order == order, slots[slot].body != nil else {
            return
        }
        slots[slot].body = nil
        dead += 1
        if dead > Self.toleratedDead && dead * 2 > heap.count { compact() }
    }

    /// The earliest moment at which a body waits, in nanoseconds.
    func earliest() -> UInt64? {
        while let top = heap.first {
            if slots[top.slot].body != nil { return top.deadline }
            dead -= 1
            removeTop()
        }
        return nil
    }

    /// Takes the first body whose moment has come.
    func popDue(now: UInt64) -> (() -> Void)? {
        guard let deadline = earliest(), deadline <= now else { return nil }
        let slot = heap[0].slot
        let body = slots[slot].body
        slots[slot].body = nil
        removeTop()
        return body
    }

    /// Drops everything.
    func removeAll() {
        heap = []
        slots = []
        free = []
        dead = 0
    }

    private func removeTop() {
        free.append(heap[0].slot)
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        Self.siftDown(&heap, from: 0)
    }

    private func compact() {
        heap.removeAll { entry in
            guard slots[entry.slot].body == nil else { return false }
            free.append(entry.slot)
            return true
        }
        dead = 0
        for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) {
            Self.siftDown(&heap, from: index)
        }
    }

    // The heap is handed over whole: each look at a class's property is checked for exclusivity,
    // and a sift looks a dozen times.

    private static func siftUp(_ heap: inout [Entry], from start: Int) {
        let entry = heap[start]
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard entry.precedes(heap[parent]) else { break }
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = entry
    }

    private static func siftDown(_ heap: inout [Entry], from start: Int) {
        let entry = heap[start]
        var index = start
        while true {
            var child = index * 2 + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count && heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(entry) else { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = entry
    }
}
