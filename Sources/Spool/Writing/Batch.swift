import Ground

/// What was appended to one queue and is not durable yet. Small records are copied behind their
/// headers, so that a commit of hundreds is one piece; large ones are written from where they lie.
struct Batch {
    /// A record's piece of at least so many bytes is not copied: a page, where a copy begins to
    /// cost more than a piece in the kernel's list.
    static let leastUncopied = 4096

    struct Entry {
        let sequence: UInt64
        /// Bytes as they were given.
        let length: Int
        /// Where its header is in the arena; copied bytes follow it.
        let at: Int
        /// The bytes that were not copied; empty when all were.
        let pieces: [Bytes]
        /// Where it goes; `nil` when it must find room anew.
        var segment: Segment?
        /// Where it goes in the segment.
        var offset: Int
    }

    var entries: [Entry] = []
    /// Bytes of all records.
    private(set) var bytes = 0
    private var arena = Arena()

    init() {}

    var isEmpty: Bool { entries.isEmpty }

    mutating func append(
        _ record: [Bytes], length: Int, sequence: UInt64, segment: Segment, offset: Int
    ) {
        let copies = record.allSatisfy { $0.count < Self.leastUncopied }
        let at = arena.take(copies ? RecordHeader.framed(length) : RecordHeader.size)
        if copies { arena.copy(record, to: at + RecordHeader.size) }
        entries.append(
            Entry(
                sequence: sequence, length: length, at: at, pieces: copies ? [] : record,
                segment: segment, offset: offset))
        bytes += length
    }

    /// Forgets the records that lie in `segment`, which was given up.
    mutating func remove(in segment: Segment) { removeAll { $0.segment === segment } }

    /// Forgets one record.
    mutating func remove(_ sequence: UInt64) { removeAll { $0.sequence == sequence } }

    /// Forgets the records that have a place, which are durable.
    mutating func clearSeated() { removeAll { $0.segment != nil } }

    private mutating func removeAll(where isGone: (Entry) -> Bool) {
        for entry in entries where isGone(entry) { bytes -= entry.length }
        entries.removeAll(where: isGone)
        if entries.isEmpty { arena.clear() }
    }

    /// Takes the places of all records away.
    mutating func unseat() { for index in entries.indices { entries[index].segment = nil } }

    /// Gives a record its place, at the end of what `segment` has.
    mutating func seat(_ sequence: UInt64, _ segment: Segment) {
        guard let index = entries.firstIndex(where: { $0.sequence == sequence }) else { return }
        entries[index].segment = segment
        entries[index].offset = segment.end
    }

    /// An entry's room in the arena: its header, and its bytes where they were copied.
    func header(_ entry: Entry) -> UnsafeMutableRawBufferPointer {
        arena.part(
            entry.at,
            entry.pieces.isEmpty ? RecordHeader.framed(entry.length) : RecordHeader.size)
    }

    /// The pieces of an entry's record.
    func body(_ entry: Entry) -> [UnsafeRawBufferPointer] {
        if entry.pieces.isEmpty {
            return [
                UnsafeRawBufferPointer(
                    arena.part(entry.at + RecordHeader.size, entry.length))
            ]
        }
        // Whoever writes holds the entry, and with it the slabs, until the write is over.
        return entry.pieces.map {
            UnsafeRawBufferPointer(start: $0.slab.base + $0.start, count: $0.count)
        }
    }
}

/// Memory that is taken from its start to its end and then given back as a whole.
private struct Arena {
    /// 64 KiB to begin with, 128 results: a quiet node holds no more.
    private static let least = 64 << 10
    private var slab = Slab(capacity: Arena.least)
    private var used = 0

    /// The place of `count` bytes.
    mutating func take(_ count: Int) -> Int {
        if used + count > slab.capacity {
            let larger = Slab(capacity: max(2 * slab.capacity, used + count))
            larger.base.copyMemory(from: slab.base, byteCount: used)
            slab = larger
        }
        let at = used
        (slab.base + at).initializeMemory(as: UInt8.self, repeating: 0, count: count)
        used += count
        return at
    }

    func copy(_ pieces: [Bytes], to place: Int) {
        var at = place
        for piece in pieces {
            piece.withUnsafeBytes { raw in
                if let from = raw.baseAddress {
                    (slab.base + at).copyMemory(from: from, byteCount: raw.count)
                }
            }
            at += piece.count
        }
    }

    func part(_ at: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: slab.base + at, count: count)
    }

    mutating func clear() { used = 0 }
}
