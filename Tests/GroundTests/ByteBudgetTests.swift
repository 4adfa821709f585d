import Synchronization
import Testing

@testable import Ground

@Suite struct ByteBudgetTests {
    @Test func `What is held never passes the limit, and all of it comes back`() {
        let budget = ByteBudget(limit: 100 << 10)
        var slabs: [Slab] = []
        while let slab = budget.allocate(capacity: 10_000) { slabs.append(slab) }
        #expect(slabs.count == 10)
        #expect(budget.used <= budget.limit)
        #expect(budget.refused == 1)
        slabs = []
        #expect(budget.used == 0)
    }

    @Test func `A promise beyond the limit is refused at once`() {
        let budget = ByteBudget(limit: 1 << 20)
        #expect(budget.allocate(capacity: 2 << 30) == nil)
        #expect(budget.allocate(capacity: .max) == nil)
        #expect(budget.allocate(capacity: -1) == nil)
        #expect(budget.used == 0)
    }

    @Test func `A block is large enough, at most a quarter too large, and found again by its size`() {
        for capacity in [0, 1, 1_023, 1_024, 1_025, 5_000, 65_536, 65_537, 100_000, 1 << 20] {
            let size = SizeClass.size(for: capacity)
            #expect(size >= capacity)
            #expect(size <= max(capacity + capacity / 4 + 1, SizeClass.smallest))
            #expect(SizeClass.size(for: size) == size)
            #expect((0..<SizeClass.count).contains(SizeClass.index(of: size)))
        }
        var sizes: Set<Int> = []
        var indexes: Set<Int> = []
        for capacity in stride(from: 0, through: 1 << 20, by: 97) {
            sizes.insert(SizeClass.size(for: capacity))
            indexes.insert(SizeClass.index(of: SizeClass.size(for: capacity)))
        }
        #expect(sizes.count == indexes.count)
    }

    @Test func `A freed block is used again`() {
        let budget = ByteBudget(limit: 1 << 20)
        let first = budget.allocate(capacity: 3_000).map { UInt(bitPattern: $0.base) }
        let second = budget.allocate(capacity: 3_000).map { UInt(bitPattern: $0.base) }
        #expect(first != nil)
        #expect(first == second)
    }

    @Test func `Who waits for bytes is woken once, when there is room`() {
        let budget = ByteBudget(limit: 64 << 10)
        let wakes = Atomic<Int>(0)
        var slabs = (0..<60).compactMap { _ in budget.allocate(capacity: 1_024) }
        #expect(budget.isPressed)
        budget.whenRelieved { wakes.add(1, ordering: .relaxed) }
        #expect(wakes.load(ordering: .relaxed) == 0)
        slabs.removeLast()
        #expect(wakes.load(ordering: .relaxed) == 1)
        slabs = []
        #expect(wakes.load(ordering: .relaxed) == 1)
        budget.whenRelieved { wakes.add(1, ordering: .relaxed) }
        #expect(wakes.load(ordering: .relaxed) == 2)
    }
}
