internal import Ground

/// Calls by deadline, earliest first: a binary heap in which each call knows its place.
struct Deadlines {
    private var heap: [(at: Instant, call: ClientCall)] = []

    var earliest: Instant? { heap.first?.at }

    mutating func insert(_ call: ClientCall, at deadline: Instant) {
        heap.append((deadline, call))
        call.deadlinePlace = heap.count - 1
        rise(heap.count - 1)
    }

    mutating func remove(_ call: ClientCall) {
        let place = call.deadlinePlace
        guard place >= 0 else { return }
        call.deadlinePlace = -1
        let last = heap.removeLast()
        if place == heap.count { return }
        put(last, at: place)
        rise(place)
        sink(place)
    }

    /// The call whose deadline has come, or `nil`.
    mutating func popExpired(_ now: Instant) -> ClientCall? {
        guard let first = heap.first, first.at <= now else { return nil }
        remove(first.call)
        return first.call
    }

    private mutating func put(_ entry: (at: Instant, call: ClientCall), at place: Int) {
        heap[place] = entry
        entry.call.deadlinePlace = place
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0, heap[place].at < heap[(place - 1) / 2].at {
            exchange(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < heap.count && heap[child].at < heap[least].at { least = child }
            if least == place { return }
            exchange(place, least)
            place = least
        }
    }

    private mutating func exchange(_ a: Int, _ b: Int) {
        heap.swapAt(a, b)
        heap[a].call.deadlinePlace = a
        heap[b].call.deadlinePlace = b
    }
}
