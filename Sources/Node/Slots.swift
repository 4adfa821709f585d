internal import Routing

/// Places that are used again, each under a new generation, so that a late event of an earlier
/// occupant finds nobody.
struct Slots<Value: Sendable>: Sendable {
    private struct Slot: Sendable {
        var generation: UInt32 = 0
        var reserved = false
        var value: Value?
    }

    private var slots: [Slot] = []
    private var unused: [UInt32] = []
    private let limit: Int
    /// Places that are taken.
    private(set) var count = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// A free place, or `nil` when `limit` are taken.
    mutating func reserve() -> FrameID? {
        let index: UInt32
        if let last = unused.popLast() {
            index = last
        } else {
            guard slots.count < limit else { return nil }
            index = UInt32(slots.count)
            slots.append(Slot())
        }
        slots[Int(index)].reserved = true
        count += 1
        return FrameID(slot: index, generation: slots[Int(index)].generation)
    }

    /// The value at a place; `nil` when the id is of an earlier generation or nothing was stored.
    subscript(id: FrameID) -> Value? {
        // In place: a journey is some hundred bytes.
        _read {
            if holds(id) { yield slots[Int(id.slot)].value } else { yield nil }
        }
        _modify {
            if holds(id) {
                yield &slots[Int(id.slot)].value
            } else {
                var nothing: Value?
                yield &nothing
            }
        }
    }

    /// Stores a value at a place that was reserved.
    mutating func put(_ value: consuming Value, at id: FrameID) {
        guard holds(id) else { return }
        slots[Int(id.slot)].value = value
    }

    /// Frees a place. Freeing it twice changes nothing.
    mutating func free(_ id: FrameID) {
        guard holds(id) else { return }
        slots[Int(id.slot)].value = nil
        slots[Int(id.slot)].reserved = false
        slots[Int(id.slot)].generation &+= 1
        unused.append(id.slot)
        count -= 1
    }

    @inline(__always)
    private func holds(_ id: FrameID) -> Bool {
        let index = Int(id.slot)
        guard index < slots.count else { return false }
        return slots[index].generation == id.generation && slots[index].reserved
    }
}
