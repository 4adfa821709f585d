import Ground
import Testing

@testable import Inference

@Suite struct `The memory of frames` {
    @Test func `Blocks never overlap, stay inside, and all memory comes back`() {
        let size = 16 << 20
        var table = SpanTable(size: size)
        var random = Randomness(seed: 5)
        var taken: [(offset: Int, size: Int)] = []
        var most = 0
        for _ in 0..<20_000 {
            if random.next() % 5 < 3 {
                let step = 1 << (10 + Int(random.next() % 12))
                let wanted = step + step / 4 * Int(random.next() % 4)
                guard let offset = table.take(wanted) else { continue }
                #expect(offset >= 0 && offset + wanted <= size)
                let isFree = taken.allSatisfy {
                    offset + wanted <= $0.offset || $0.offset + $0.size <= offset
                }
                #expect(isFree, "\(wanted) bytes at \(offset)")
                taken.append((offset, wanted))
            } else if !taken.isEmpty {
                let block = taken.remove(at: Int(random.next() % UInt64(taken.count)))
                if let range = table.give(block.offset, block.size) { table.finish(range) }
            }
            #expect(table.used == taken.reduce(0) { $0 + $1.size })
            most = max(most, table.used)
        }
        #expect(most > size / 2, "the table was put under pressure")
        for block in taken {
            if let range = table.give(block.offset, block.size) { table.finish(range) }
        }
        let everything = table.take(size)
        #expect(everything == 0, "one block of everything")
    }

    @Test func `A span whose pages are leaving is nobody's until they are gone`() throws {
        var table = SpanTable(size: 1 << 20)
        let block = table.take(1 << 20)
        #expect(block == 0)
        let given = table.give(0, 1 << 20)
        let range = try #require(given)
        #expect(range == 0..<1 << 20)
        let early = table.take(1024)
        #expect(early == nil)
        table.finish(range)
        let late = table.take(1024)
        #expect(late == 0)
    }

    @Test func `A budget's blocks lie in the arena as long as it has room, and come back`() throws {
        let arena = try FrameArena(budget: 1 << 20)
        var slabs: [Slab] = []
        do {
            let budget = ByteBudget(limit: 1 << 30)
            budget.cut(from: arena)
            for _ in 0..<80 { slabs.append(try #require(budget.allocate(capacity: 1 << 20))) }
            let inside = slabs.count {
                arena.offset(of: Bytes(slab: $0, start: 0, count: 1)) != nil
            }
            #expect(inside == 66 && arena.used == 66 << 20)
            slabs = []
            #expect(arena.used <= 4 << 20, "what a budget keeps for the next frame")
        }
        #expect(arena.used == 0)
    }

    @Test func `Blocks from before the arena go back to where they came from`() throws {
        let arena = try FrameArena(budget: 1 << 20)
        let budget = ByteBudget(limit: 1 << 20)
        var slabs = try (0..<8).map { _ in try #require(budget.allocate(capacity: 4096)) }
        slabs.removeFirst(4)
        budget.cut(from: arena)
        slabs = []
        for _ in 0..<8 {
            let slab = try #require(budget.allocate(capacity: 4096))
            #expect(arena.owns(slab.base))
            slabs.append(slab)
        }
    }

    @Test func `An engine sees what the node wrote, and cannot write it`() throws {
        let arena = try FrameArena(budget: 1 << 20)
        let block = try #require(arena.take(4096))
        block.storeBytes(of: 4711, as: UInt64.self)
        let offset = block - arena.memory.base
        let engine = try SharedMemory(adopting: try arena.memory.reader(), isWritable: false)
        #expect(engine.size == arena.memory.size)
        #expect((engine.base + offset).load(as: UInt64.self) == 4711)
        let reader = try arena.memory.reader()
        defer { SharedMemory.close(reader) }
        #expect(throws: Fault.self) {
            try SharedMemory(adopting: reader, isWritable: true)
        }
    }

    @Test func `Pages that nobody has are given back to the system`() throws {
        let arena = try FrameArena(budget: 1 << 20)
        let block = try #require(arena.take(3 << 20))
        block.initializeMemory(as: UInt8.self, repeating: 7, count: 3 << 20)
        arena.give(block, 3 << 20)
        #expect(block.load(as: UInt64.self) == 0, "a hole reads as zeros")
    }
}
