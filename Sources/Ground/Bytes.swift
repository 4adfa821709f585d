/// One contiguous region of memory that lives as long as something refers to it.
///
/// A request's body is received into a slab, decoded in place, read by the engine and freed after
/// the last of them. Whoever fills it does so before sharing it; after that it is read-only, which
/// is why it may cross threads.
public final class Slab: @unchecked Sendable {
    /// First byte. Valid for the life of the slab.
    public let base: UnsafeMutableRawPointer
    /// Bytes that the region holds.
    public let capacity: Int
    private let owner: (any SlabOwner)?
    /// Bytes from which on a region begins at a cache line.
    private static let alignedFrom = 4 << 10

    /// Takes heap memory of `capacity` bytes.
    public init(capacity: Int) {
        // Large ones may become tensors, which engines like on a cache line; a small one is a
        // message's head, and for that the system's own alignment costs a quarter of the work.
        let alignment = capacity < Self.alignedFrom ? 16 : 64
        base = .allocate(byteCount: max(capacity, 1), alignment: alignment)
        self.capacity = capacity
        owner = nil
    }

    /// Wraps memory that `owner` gave out and takes back when the last reference is gone.
    public init(base: UnsafeMutableRawPointer, capacity: Int, owner: any SlabOwner) {
        self.base = base
        self.capacity = capacity
        self.owner = owner
    }

    /// Memory of at least `capacity` bytes from where this came from: what a message is turned into
    /// counts as the message does.
    ///
    /// - Throws: `exhausted` when its budget has no room.
    public func sibling(capacity: Int) throws(Fault) -> Slab {
        guard let allocator = owner as? any SlabAllocator else { return Slab(capacity: capacity) }
        guard let slab = allocator.allocate(capacity: capacity) else {
            throw Fault(
                .exhausted, "no \(capacity) bytes are left for what a message holds",
                retry: .after(.milliseconds(100)))
        }
        return slab
    }

    deinit {
        if let owner { owner.reclaim(base, capacity: capacity) } else { base.deallocate() }
    }
}

/// Who takes a slab's memory back: a byte budget, or a ring of frame slots that another process
/// also maps.
public protocol SlabOwner: AnyObject, Sendable {
    /// Called once, on any thread, when the slab's last reference is gone.
    func reclaim(_ base: UnsafeMutableRawPointer, capacity: Int)
}

/// Where receive buffers come from: the heap, or memory shared with an isolated engine.
public protocol SlabAllocator: AnyObject, Sendable {
    /// A slab of at least `capacity` bytes, or `nil` when the budget does not allow it now.
    func allocate(capacity: Int) -> Slab?
}

/// A read-only slice of a slab.
public struct Bytes: Sendable {
    public let slab: Slab
    /// Offset of the first byte in the slab.
    public let start: Int
    public let count: Int

    /// The slice `start ..< start + count` of `slab`, which must lie inside it.
    public init(slab: Slab, start: Int, count: Int) {
        precondition(start >= 0 && count >= 0 && start <= slab.capacity - count)
        self.slab = slab
        self.start = start
        self.count = count
    }

    /// Copies `bytes` into a slab of their own.
    public init(copying bytes: UnsafeRawBufferPointer) {
        let slab = Slab(capacity: bytes.count)
        if let from = bytes.baseAddress { slab.base.copyMemory(from: from, byteCount: bytes.count) }
        self.init(slab: slab, start: 0, count: bytes.count)
    }

    /// Copies an array.
    public init(_ array: [UInt8]) {
        self = array.withUnsafeBytes { Bytes(copying: $0) }
    }

    /// The bytes `range`, counted from this slice's first byte. Nothing is copied.
    public subscript(range: Range<Int>) -> Bytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return Bytes(slab: slab, start: start + range.lowerBound, count: range.count)
    }

    /// Gives the memory to `body`; the pointer must not outlive the call.
    @inlinable
    public func withUnsafeBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: slab.base + start, count: count))
    }

    /// A copy as an array.
    public var array: [UInt8] { withUnsafeBytes { Array($0) } }
}
