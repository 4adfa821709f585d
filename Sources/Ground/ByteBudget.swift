import Synchronization

/// The one node-wide budget of bytes that requests and answers may hold, whatever the number of
/// loops.
///
/// A frame's whole length is reserved here before its buffer exists, so that what clients promise
/// cannot grow the node's memory. Thread-safe; a slab may be freed on any thread.
public final class ByteBudget: SlabAllocator, SlabOwner {
    /// Bytes that all slabs together may hold.
    public let limit: Int
    /// From this many bytes in use on, loops stop reading sockets that have no body under way.
    public let pressureMark: Int
    private let held = Atomic<Int>(0)
    private let refusals = Atomic<Int>(0)
    private let someoneWaits = Atomic<Bool>(false)
    private let waiters = Mutex<[@Sendable () -> Void]>([])
    private let spares: Mutex<SpareBlocks>

    /// A budget of `limit` bytes, at least one smallest block. Blocks come from the heap.
    public init(limit: Int) {
        self.limit = max(limit, SizeClass.smallest)
        // The last sixteenth is for bodies that are already under way on connections that go on
        // reading.
        pressureMark = self.limit - self.limit / 16
        // An eighth, at most 4 MiB, may lie ready: enough for 40 frames of 100 KB, invisible beside
        // 30 MB resident.
        spares = Mutex(SpareBlocks(bound: min(self.limit / 8, 4 << 20)))
    }

    /// Bytes that slabs hold now.
    public var used: Int { held.load(ordering: .relaxed) }

    /// How often `allocate` has answered `nil`.
    public var refused: Int { refusals.load(ordering: .relaxed) }

    /// Whether new work should wait in the sockets.
    public var isPressed: Bool { used >= pressureMark }

    /// A slab of at least `capacity` bytes, or `nil` when the budget does not allow it now.
    ///
    /// What is charged is the block's size: `capacity` rounded up by at most a quarter, 1 KiB at
    /// least.
    public func allocate(capacity: Int) -> Slab? {
        guard capacity >= 0, capacity <= limit else {
            refusals.add(1, ordering: .relaxed)
            return nil
        }
        let size = SizeClass.size(for: capacity)
        if held.add(size, ordering: .relaxed).newValue > limit {
            held.subtract(size, ordering: .relaxed)
            refusals.add(1, ordering: .relaxed)
            return nil
        }
        let (spare, source) = spares.withLock { (Block(base: $0.take(size)), $0.source) }
        // Not under the lock: the source has one of its own.
        let base =
            spare.base ?? source?.take(size) ?? .allocate(byteCount: size, alignment: 64)
        return Slab(base: base, capacity: size, owner: self)
    }

    /// Takes a slab's block back. Called by the slab alone.
    public func reclaim(_ base: UnsafeMutableRawPointer, capacity: Int) {
        let block = Block(base: base)
        switch spares.withLock({ $0.keep(block.base!, capacity) }) {
        case .kept: break
        case .heap: base.deallocate()
        case .source(let source): source.give(base, capacity)
        }
        // Sequentially consistent, with the flag and the mark in `whenRelieved`: of the two threads
        // at least one sees what the other did, so no waiter is forgotten.
        let left = held.subtract(capacity, ordering: .sequentiallyConsistent).newValue
        if left < pressureMark && someoneWaits.load(ordering: .sequentiallyConsistent) { wake() }
    }

    /// Calls `body` once, on any thread, as soon as the budget is not pressed; at once when it is
    /// not.
    public func whenRelieved(_ body: @escaping @Sendable () -> Void) {
        waiters.withLock { $0.append(body) }
        someoneWaits.store(true, ordering: .sequentiallyConsistent)
        if held.load(ordering: .sequentiallyConsistent) < pressureMark { wake() }
    }

    private func wake() {
        let ready = waiters.withLock { waiting in
            someoneWaits.store(false, ordering: .sequentiallyConsistent)
            defer { waiting = [] }
            return waiting
        }
        for body in ready { body() }
    }

    /// Cuts blocks from `source` from now on, and from the heap where that has no room. Once.
    public func cut(from source: any BlockSource) {
        spares.withLock { spares in
            precondition(spares.source == nil, "a budget has one source of blocks")
            spares.drop()
            spares.source = source
        }
    }

    deinit { spares.withLock { $0.drop() } }

    /// A pointer on its way through a lock.
    private struct Block: @unchecked Sendable { let base: UnsafeMutableRawPointer? }
}

/// Memory that blocks are cut from, such as a region that other processes also map. Thread-safe.
public protocol BlockSource: AnyObject, Sendable {
    /// `size` bytes, or `nil` when there is no room for them.
    func take(_ size: Int) -> UnsafeMutableRawPointer?
    /// Whether a block is one of these.
    func owns(_ base: UnsafeMutableRawPointer) -> Bool
    /// Takes a block back.
    func give(_ base: UnsafeMutableRawPointer, _ size: Int)
}

/// Block sizes: four steps a doubling, so that a block is at most a quarter larger than asked for
/// and is used again.
enum SizeClass {
    static let smallest = 1 << 10
    /// Larger blocks are rare and go back to the system at once.
    static let largestKept = 1 << 20
    /// Ten doublings from 1 KiB to 1 MiB, four steps each, and the last.
    static let count = 41

    static func size(for capacity: Int) -> Int {
        if capacity <= smallest { return smallest }
        if capacity > largestKept { return capacity }
        let step = 1 << (Int.bitWidth - 3 - (capacity - 1).leadingZeroBitCount)
        return (capacity + step - 1) & ~(step - 1)
    }

    /// The index of a block size that `size(for:)` gave.
    static func index(of size: Int) -> Int {
        let exponent = Int.bitWidth - 1 - size.leadingZeroBitCount
        return (exponent - 10) * 4 + ((size >> (exponent - 2)) & 3)
    }

    /// The block size of an index.
    static func size(ofIndex index: Int) -> Int { (4 + index % 4) << (index / 4 + 8) }
}

/// Freed blocks that lie ready, up to a bound.
struct SpareBlocks: @unchecked Sendable {
    /// Where blocks come from; the heap when `nil`, and where it has no room.
    var source: (any BlockSource)?
    private var lists: [[UnsafeMutableRawPointer]]
    private var bytes = 0
    private let bound: Int

    init(bound: Int) {
        self.bound = bound
        lists = Array(repeating: [], count: SizeClass.count)
    }

    mutating func take(_ size: Int) -> UnsafeMutableRawPointer? {
        guard size <= SizeClass.largestKept else { return nil }
        guard let block = lists[SizeClass.index(of: size)].popLast() else { return nil }
        bytes -= size
        return block
    }

    /// What becomes of a block that nobody has any more.
    enum End {
        case kept
        /// It goes back to where it came from.
        case heap
        case source(any BlockSource)
    }

    mutating func keep(_ block: UnsafeMutableRawPointer, _ size: Int) -> End {
        // What came from the heap goes back to it, so that the source's own are used again.
        if let source, !source.owns(block) { return .heap }
        guard size <= SizeClass.largestKept, bytes + size <= bound else {
            return source.map { .source($0) } ?? .heap
        }
        lists[SizeClass.index(of: size)].append(block)
        bytes += size
        return .kept
    }

    /// Gives all blocks back.
    mutating func drop() {
        for index in lists.indices {
            for block in lists[index] {
                if let source, source.owns(block) {
                    source.give(block, SizeClass.size(ofIndex: index))
                } else {
                    block.deallocate()
                }
            }
            lists[index] = []
        }
        bytes = 0
    }
}
