internal import Routing

/// Places that are used again, each under a new generation, so that a late event of an earlier
/// occupant finds nobody.
struct Slots<Value: Sendable>: Sendable {
    struct Slot: Sendable {
        fileprivate var generation: UInt32 = 0
        fileprivate var reserved = false
        /// `nil` until something is stored.
        var value: Value?
    }

    /// Reached by `place(of:)`, and not by a subscript of our own: a journey is some hundred bytes,
    /// and a coroutine that yields so much by a condition allocates.
    var slots: [Slot] = []
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

    /// Where in `slots` the place is; `nil` when the id is of an earlier generation.
    @inline(__always)
    func place(of id: FrameID) -> Int? {
        let index = Int(id.slot)
        guard index < slots.count, slots[index].generation == id.generation, slots[index].reserved
        else { return nil }
        return index
    }

    /// Stores a value at a place that was reserved.
    mutating func put(_ value: consuming Value, at id: FrameID) {
        guard let place = place(of: id) else { return }
        slots[place].value = value
    }

    /// Frees a place. Freeing it twice changes nothing.
    mutating func free(_ id: FrameID) {
        guard let place = place(of: id) else { return }
        slots[place].value = nil
        slots[place].reserved = false
        slots[place].generation &+= 1
        unused.append(id.slot)
        count -= 1
    }
}
