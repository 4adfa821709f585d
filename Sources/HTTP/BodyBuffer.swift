internal import Ground

/// Collects the body of one REST request or answer: in one piece when its length was stated, else by doubling.
struct BodyBuffer {
    /// First buffer of a body without a stated length: most such bodies are short JSON.
    private static let firstSize = 4 << 10

    private var slab: Slab?
    private(set) var count = 0

    /// Reserves the whole of a stated length.
    mutating func expect(
        _ length: Int, limit: Int, allocator: any SlabAllocator, retryHint: Interval
    ) throws(Fault) {
        if length == 0 { return }
        slab = try reserve(
            length, limit: limit, allocator: allocator, retryHint: retryHint, what: "body")
    }

    mutating func append(
        _ chunk: UnsafeRawBufferPointer, limit: Int, allocator: any SlabAllocator,
        retryHint: Interval
    ) throws(Fault) {
        guard let from = chunk.baseAddress, chunk.count > 0 else { return }
        let needed = count + chunk.count
        let room = min(slab?.capacity ?? 0, limit)
        if needed > room {
            let doubled = min(max(2 * room, Self.firstSize), limit)
            let larger = try reserve(
                max(needed, doubled), limit: limit, allocator: allocator, retryHint: retryHint,
                what: "body")
            if let slab { larger.base.copyMemory(from: slab.base, byteCount: count) }
            slab = larger
        }
        (slab!.base + count).copyMemory(from: from, byteCount: chunk.count)
        count = needed
    }

    mutating func take() -> Bytes {
        defer {
            slab = nil
            count = 0
        }
        return slab.map { Bytes(slab: $0, start: 0, count: count) } ?? .none
    }
}
