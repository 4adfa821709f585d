public import Ground
internal import Synchronization

/// The memory that a node's frames are received into when isolated engines are to read them where
/// they lie: one region, which the node writes and its engines can only read.
///
/// Every engine of the node sees all of it: a frame comes before anybody knows whose it is.
public final class FrameArena: BlockSource {
    let memory: SharedMemory
    private let table: Mutex<SpanTable>

    /// - Parameter budget: bytes that frames may have together. The region is twice as large, since
    ///   a span serves one size at a time; only pages that were written take memory.
    /// - Throws: `.unavailable` when the system gives no such memory.
    public init(budget: Int) throws(Fault) {
        // 64 spans on top: one for each size of block.
        let size = 2 * budget / SpanTable.span * SpanTable.span + 64 * SpanTable.span
        memory = try SharedMemory("canopy-frames", size: size)
        table = Mutex(SpanTable(size: size))
    }

    /// Bytes in blocks that somebody has.
    public var used: Int { table.withLock { $0.used } }

    public func take(_ size: Int) -> UnsafeMutableRawPointer? {
        table.withLock { $0.take(size) }.map { memory.base + $0 }
    }

    public func owns(_ base: UnsafeMutableRawPointer) -> Bool { offset(of: base) != nil }

    public func give(_ base: UnsafeMutableRawPointer, _ size: Int) {
        guard let offset = offset(of: base) else {
            preconditionFailure("a block was given to an arena that it is not from")
        }
        guard let range = table.withLock({ $0.give(offset, size) }) else { return }
        memory.punch(range)
        table.withLock { $0.finish(range) }
    }

    /// Where in the region `bytes` lie, or `nil` when they are elsewhere.
    func offset(of bytes: Bytes) -> Int? {
        offset(of: bytes.slab.base).map { $0 + bytes.start }
    }

    private func offset(of base: UnsafeMutableRawPointer) -> Int? {
        let offset = base - memory.base
        return (0..<memory.size).contains(offset) ? offset : nil
    }
}
