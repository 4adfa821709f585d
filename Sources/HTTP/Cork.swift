internal import Ground

/// Gathers what one turn has to say into one `send`.
///
/// Small pieces are copied into one slab, large ones are kept as slices. A server or pool has one
/// cork on its loop, as it is empty again before another connection writes. A class, as C callbacks
/// write to it too.
final class Cork {
    /// From this size on a slice costs less than its copy: writev's entry against 4 KiB of memcpy.
    static let sliceFrom = 4 << 10
    /// A dozen small answers, or 64 of their headers; more than that is another entry of the same
    /// writev.
    static let slabSize = 32 << 10

    @exclusivity(unchecked) private var slab: Slab
    @exclusivity(unchecked) private var start = 0
    @exclusivity(unchecked) private var end = 0
    @exclusivity(unchecked) private var slices: [Bytes] = []
    /// Bytes that `take` would give.
    @exclusivity(unchecked) private(set) var count = 0

    init() { slab = Slab(capacity: Self.slabSize) }

    func append(copying bytes: UnsafeRawBufferPointer) {
        guard var from = bytes.baseAddress else { return }
        var left = bytes.count
        count += left
        while left > 0 {
            if end == slab.capacity {
                seal()
                slab = Slab(capacity: Self.slabSize)
                (start, end) = (0, 0)
            }
            let step = min(left, slab.capacity - end)
            (slab.base + end).copyMemory(from: from, byteCount: step)
            end += step
            from += step
            left -= step
        }
    }

    func append(_ bytes: Bytes) {
        if bytes.count < Self.sliceFrom {
            bytes.withUnsafeBytes { append(copying: $0) }
        } else {
            seal()
            slices.append(bytes)
            count += bytes.count
        }
    }

    func append(_ text: StaticString) {
        append(
            copying: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    func append(_ text: String) {
        var text = text
        text.withUTF8 { append(copying: UnsafeRawBufferPointer($0)) }
    }

    /// Everything gathered, in order; the cork is empty afterwards.
    func take() -> [Bytes] {
        seal()
        count = 0
        defer { slices = [] }
        return slices
    }

    /// Uses the slab again from its start when nobody refers to it any more. To be called after
    /// `send`.
    func rewind() {
        if start == end, isKnownUniquelyReferenced(&slab) { (start, end) = (0, 0) }
    }

    private func seal() {
        if end > start {
            slices.append(Bytes(slab: slab, start: start, count: end - start))
            start = end
        }
    }
}
