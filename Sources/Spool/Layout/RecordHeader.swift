import Ground

/// What stands before each record of a segment. Records begin at multiples of eight.
///
/// | at | bytes | what |
/// |---|---|---|
/// | 0 | 4 | CRC32C of the 20 bytes that follow |
/// | 4 | 4 | bytes of the record |
/// | 8 | 8 | its sequence number |
/// | 16 | 2 | its place among the records of its commit, from 0 |
/// | 18 | 2 | how many those are |
/// | 20 | 4 | CRC32C of the record's bytes |
///
/// Both checksums begin with the segment's lineage, so that bytes of another segment, which a disk
/// may give in place of what was written, are not taken for this one's.
struct RecordHeader: Equatable {
    static let size = 24
    /// Most records of one segment in one commit: what the two bytes of its count can say.
    static let mostOfCommit = Int(UInt16.max)

    var length: Int
    var sequence: UInt64
    var place: UInt16
    var count: UInt16
    var checksum: UInt32

    /// Bytes of disk for a record of `length`.
    static func framed(_ length: Int) -> Int { (size + length + 7) & ~7 }

    /// Bytes from this header to the next one.
    var framed: Int { Self.framed(length) }

    func write(into bytes: UnsafeMutableRawBufferPointer, lineage: UInt32) {
        bytes.put(UInt32(length), at: 4)
        bytes.put(sequence, at: 8)
        bytes.put(place, at: 16)
        bytes.put(count, at: 18)
        bytes.put(checksum, at: 20)
        let checked = UnsafeRawBufferPointer(bytes).part(4, Self.size - 4)
        bytes.put(Checksum.crc32c(checked, after: lineage), at: 0)
    }

    /// The header that stands there, or `nil` when none does.
    init?(_ bytes: UnsafeRawBufferPointer, lineage: UInt32) {
        let checked = Checksum.crc32c(bytes.part(4, Self.size - 4), after: lineage)
        guard bytes.number(at: 0) == checked else { return nil }
        self.init(unchecked: bytes)
    }

    /// Whatever stands there.
    init(unchecked bytes: UnsafeRawBufferPointer) {
        length = Int(bytes.number(at: 4, as: UInt32.self))
        sequence = bytes.number(at: 8)
        place = bytes.number(at: 16)
        count = bytes.number(at: 18)
        checksum = bytes.number(at: 20)
    }

    init(length: Int, sequence: UInt64, place: UInt16, count: UInt16, checksum: UInt32) {
        self.length = length
        self.sequence = sequence
        self.place = place
        self.count = count
        self.checksum = checksum
    }

    /// What the checksums of a segment's records begin with.
    static func lineage(epoch: UInt64, queue: SpoolQueue, first: UInt64) -> UInt32 {
        withUnsafeTemporaryAllocation(byteCount: 17, alignment: 8) { bytes in
            bytes.put(epoch, at: 0)
            bytes.put(first, at: 8)
            bytes.put(queue.rawValue, at: 16)
            return Checksum.crc32c(UnsafeRawBufferPointer(bytes))
        }
    }
}
