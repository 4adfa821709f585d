/// Who has which part of a region: arithmetic alone, no memory.
///
/// The region is cut into spans of 1 MiB. A span holds blocks of one size, or a large block takes
/// several spans in a row; a span without blocks serves any size again. Offsets are in bytes.
struct SpanTable: Sendable {
    /// The largest size that is kept for the next frame; with larger ones a span is one block.
    static let span = 1 << 20

    private struct Span {
        /// Bytes of each block; 0 while nobody has the span.
        var size = 0
        /// Spans of the large block that begins here; 0 inside one.
        var length = 1
        /// Blocks that are taken.
        var used = 0
        /// Blocks that were given back.
        var free: [UInt16] = []
        /// Blocks from this one on were never taken.
        var fresh = 0
        /// Its pages are on their way back to the system.
        var isLeaving = false

        var isFree: Bool { size == 0 && !isLeaving }
        var capacity: Int { max(1, SpanTable.span / max(size, 1)) }
    }

    private var spans: [Span]
    /// By block size, the spans that have a block to spare. Looked up, never iterated.
    private var roomy: [Int: [Int]] = [:]
    /// Bytes in blocks that are taken.
    private(set) var used = 0

    /// - Parameter size: bytes of the region; what is over after the last whole span stays unused.
    init(size: Int) { spans = Array(repeating: Span(), count: size / Self.span) }

    /// Where a block of `size` bytes begins, or `nil` when there is no room.
    mutating func take(_ size: Int) -> Int? {
        guard size > 0 else { return nil }
        guard let offset = size > Self.span ? takeRun(size) : takeBlock(size) else { return nil }
        used += size
        return offset
    }

    /// Takes a block back.
    ///
    /// - Returns: the bytes that nobody has any more, which stay out of use until `finish`, so that
    ///   their pages can be given back meanwhile; `nil` where others still have a part.
    mutating func give(_ offset: Int, _ size: Int) -> Range<Int>? {
        let index = offset / Self.span
        precondition(
            spans.indices.contains(index) && spans[index].size == size && spans[index].used > 0,
            "a block was given back that nobody has")
        used -= size
        if spans[index].length > 1 { return leave(index..<index + spans[index].length) }
        if spans[index].used == spans[index].capacity { roomy[size, default: []].append(index) }
        spans[index].used -= 1
        spans[index].free.append(UInt16(offset % Self.span / size))
        guard spans[index].used == 0 else { return nil }
        roomy[size]?.removeAll { $0 == index }
        return leave(index..<index + 1)
    }

    /// Lets everybody take a range again that `give` returned.
    mutating func finish(_ range: Range<Int>) {
        for index in range.lowerBound / Self.span..<range.upperBound / Self.span {
            spans[index].isLeaving = false
        }
    }

    private mutating func leave(_ indices: Range<Int>) -> Range<Int> {
        for index in indices {
            spans[index] = Span()
            spans[index].isLeaving = true
        }
        return indices.lowerBound * Self.span..<indices.upperBound * Self.span
    }

    private mutating func takeBlock(_ size: Int) -> Int? {
        if let index = roomy[size]?.last { return cut(index) }
        guard let index = spans.firstIndex(where: \.isFree) else { return nil }
        spans[index].size = size
        if spans[index].capacity > 1 { roomy[size, default: []].append(index) }
        return cut(index)
    }

    private mutating func cut(_ index: Int) -> Int {
        let block: Int
        if let last = spans[index].free.popLast() {
            block = Int(last)
        } else {
            block = spans[index].fresh
            spans[index].fresh += 1
        }
        spans[index].used += 1
        let size = spans[index].size
        if spans[index].used == spans[index].capacity, spans[index].capacity > 1 {
            roomy[size]?.removeAll { $0 == index }
        }
        return index * Self.span + block * size
    }

    /// The first run of free spans that is long enough.
    private mutating func takeRun(_ size: Int) -> Int? {
        let length = (size + Self.span - 1) / Self.span
        var start = 0
        for index in spans.indices {
            if !spans[index].isFree { start = index + 1 }
            guard index - start + 1 == length else { continue }
            for inner in start...index {
                spans[inner].size = size
                spans[inner].length = inner == start ? length : 0
            }
            spans[start].used = 1
            return start * Self.span
        }
        return nil
    }
}
