import Cryptography
import Ground

/// Writes the records of a batch that go to one segment, as one write.
struct BatchWriter {
    private var pieces: [UnsafeRawBufferPointer] = []
    /// Keeps what sealed records were sealed into until the write is over.
    private var sealed: [Slab] = []
    private static let padding = Slab(capacity: 8).zeroed()

    /// Writes `entries`, which lie one behind the other in `segment`.
    static func write(
        _ entries: ArraySlice<Batch.Entry>, of batch: Batch, to segment: Segment,
        _ file: any SegmentFile
    ) throws(Fault) {
        var writer = BatchWriter()
        let seal = segment.makeSeal()
        for (place, entry) in entries.enumerated() {
            let body = try writer.stored(entry, batch.body(entry), segment, seal)
            let length = body.reduce(0) { $0 + $1.count }
            let header = RecordHeader(
                length: length, sequence: entry.sequence, place: UInt16(place),
                count: UInt16(entries.count),
                checksum: body.reduce(segment.lineage) { Checksum.crc32c($1, after: $0) })
            let room = batch.header(entry)
            header.write(into: room, lineage: segment.lineage)
            if entry.pieces.isEmpty && seal == nil {
                writer.add(UnsafeRawBufferPointer(room))
            } else {
                writer.add(UnsafeRawBufferPointer(room).part(0, RecordHeader.size))
                for piece in body { writer.add(piece) }
                let rest = header.framed - RecordHeader.size - length
                writer.add(UnsafeRawBufferPointer(start: padding.base, count: rest))
            }
        }
        try file.write(writer.pieces, at: entries[entries.startIndex].offset)
        withExtendedLifetime((batch, writer)) {}
    }

    private mutating func stored(
        _ entry: Batch.Entry, _ body: [UnsafeRawBufferPointer], _ segment: Segment, _ seal: Seal?
    ) throws(Fault) -> [UnsafeRawBufferPointer] {
        guard let seal else { return body }
        let slab = Slab(capacity: entry.length + Seal.overhead)
        let room = UnsafeMutableRawBufferPointer(
            start: slab.base, count: entry.length + Seal.overhead)
        try seal.seal(
            body, number: entry.sequence, associated: segment.associated(entry.sequence),
            into: room)
        sealed.append(slab)
        return [UnsafeRawBufferPointer(room)]
    }

    /// Takes the next piece; what lies behind the last one in memory becomes one with it.
    private mutating func add(_ piece: UnsafeRawBufferPointer) {
        guard piece.count > 0, let start = piece.baseAddress else { return }
        if let last = pieces.last, let base = last.baseAddress, base + last.count == start {
            pieces[pieces.count - 1] = UnsafeRawBufferPointer(
                start: base, count: last.count + piece.count)
        } else {
            pieces.append(piece)
        }
    }
}

extension Slab {
    /// This slab, all zero.
    fileprivate func zeroed() -> Slab {
        base.initializeMemory(as: UInt8.self, repeating: 0, count: capacity)
        return self
    }
}
