/// A heap of occurrences with four children a place: the earliest is on top.
struct Heap {
    private(set) var items: [Occurrence] = []

    var isEmpty: Bool { items.isEmpty }
    var count: Int { items.count }
    var first: Occurrence? { items.first }

    mutating func push(_ item: Occurrence) {
        items.append(item)
        var place = items.count - 1
        while place > 0 {
            let parent = (place - 1) >> 2
            guard item < items[parent] else { break }
            items[place] = items[parent]
            place = parent
        }
        items[place] = item
    }

    mutating func pop() -> Occurrence? {
        guard let top = items.first, let last = items.popLast() else { return nil }
        if !items.isEmpty { sink(last, from: 0) }
        return top
    }

    private mutating func sink(_ item: Occurrence, from start: Int) {
        let count = items.count
        items.withUnsafeMutableBufferPointer { items in
            var place = start
            while true {
                let first = place << 2 + 1
                guard first < count else { break }
                var least = first
                for child in (first + 1)..<max(min(first + 4, count), first + 1)
                where items[child] < items[least] { least = child }
                guard items[least] < item else { break }
                items[place] = items[least]
                place = least
            }
            items[place] = item
        }
    }
}
