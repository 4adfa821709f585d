import Ground

/// A segment's bytes, a window at a time. Memory does not grow with the segment.
final class SegmentWindow {
    /// Bytes that are read at a time: enough that calls do not show.
    static let usual = 1 << 20

    let file: any SegmentFile
    /// Bytes of the file that may hold records.
    let limit: Int
    private let size: Int
    private let isDiskAlive: () -> Bool
    private var slab: Slab?
    private var start = 0
    private var count = 0

    /// `isDiskAlive` tells, when a read was refused, whether anything can be read there.
    init(
        _ file: any SegmentFile, limit: Int, size: Int = usual,
        isDiskAlive: @escaping () -> Bool
    ) {
        self.file = file
        self.isDiskAlive = isDiskAlive
        self.limit = min(limit, file.size)
        self.size = max(size, SpoolSizes.page)
    }

    /// The bytes `offset ..< offset + wanted`, or `nil` when the file has not so many.
    func bytes(at offset: Int, _ wanted: Int) throws(Fault) -> Bytes? {
        guard offset >= 0, wanted >= 0, offset <= limit - wanted else { return nil }
        if slab == nil || offset < start || offset + wanted > start + count {
            let length = min(max(size, wanted), limit - offset)
            let fresh = Slab(capacity: length)
            let buffer = UnsafeMutableRawBufferPointer(start: fresh.base, count: length)
            count = try fill(buffer, from: offset)
            slab = fresh
            start = offset
        }
        guard let slab, offset + wanted <= start + count else { return nil }
        return Bytes(slab: slab, start: offset - start, count: wanted)
    }

    /// Reads; where the disk refuses, page by page, so that one bad place costs its records only.
    /// What cannot be read is all ones, which is no record, and not empty either. A disk of which
    /// nothing can be read is no damage but a fault.
    private func fill(
        _ buffer: UnsafeMutableRawBufferPointer, from offset: Int
    ) throws(Fault) -> Int {
        let refusal: Fault
        do throws(Fault) {
            return try file.read(into: buffer, at: offset)
        } catch {
            refusal = error
        }
        guard isDiskAlive() else { throw refusal }
        var at = 0
        while at < buffer.count {
            let length = min(SpoolSizes.page - (offset + at) % SpoolSizes.page, buffer.count - at)
            let page = UnsafeMutableRawBufferPointer(rebasing: buffer[at..<at + length])
            if (try? file.read(into: page, at: offset + at)) != length {
                page.initializeMemory(as: UInt8.self, repeating: 0xFF)
            }
            at += length
        }
        return buffer.count
    }

    /// Forgets what it holds, so that it is read from the disk again.
    func forget() { slab = nil }

    /// The place of the last byte from `offset` on that is not zero, or `nil`.
    func lastNonzero(from offset: Int) throws(Fault) -> Int? {
        var found: Int?
        var at = offset
        while at < limit {
            let length = min(size, limit - at)
            guard let piece = try bytes(at: at, length) else { break }
            piece.withUnsafeBytes { raw in
                if let last = raw.lastIndex(where: { $0 != 0 }) { found = at + last }
            }
            at += length
        }
        return found
    }
}
