import Ground

/// The first page of a segment: whose it is and how to read it.
///
/// | at | bytes | what |
/// |---|---|---|
/// | 0 | 8 | `CNPYSEG` and a line feed |
/// | 8 | 2 | version of the layout |
/// | 10 | 1 | queue |
/// | 11 | 1 | 1 when records are sealed |
/// | 16 | 8 | epoch of the spool |
/// | 24 | 8 | sequence number of the first record |
/// | 32 | 8 | through which the queue was settled when the segment was made |
/// | 40 | 16 | salt of the segment's key |
/// | 56 | 8 | fingerprint of the spool's key |
/// | 92 | 4 | CRC32C of the 92 bytes before |
///
/// Numbers are little-endian. The rest of the page is zero, so that no record shares it.
struct SegmentHeader: Equatable {
    static let size = SpoolSizes.page
    static let version: UInt16 = 1
    private static let magic = Array("CNPYSEG\n".utf8)
    private static let checked = 92

    var queue: SpoolQueue
    var epoch: UInt64
    var first: UInt64
    var settled: UInt64
    /// Salt and fingerprint, where records are sealed.
    var sealing: Sealing?

    struct Sealing: Equatable {
        /// 16 bytes.
        var salt: [UInt8]
        /// 8 bytes.
        var fingerprint: [UInt8]
    }

    /// What a page turned out to be.
    enum Reading: Equatable {
        case header(SegmentHeader)
        /// No header, or not as it was written.
        case damaged
        /// As a later version of the program writes it.
        case later(UInt16)
    }

    func write(into page: UnsafeMutableRawBufferPointer) {
        page.initializeMemory(as: UInt8.self, repeating: 0)
        page.put(Self.magic, at: 0)
        page.put(Self.version, at: 8)
        page.put(queue.rawValue, at: 10)
        page.put(UInt8(sealing == nil ? 0 : 1), at: 11)
        page.put(epoch, at: 16)
        page.put(first, at: 24)
        page.put(settled, at: 32)
        if let sealing {
            page.put(sealing.salt, at: 40)
            page.put(sealing.fingerprint, at: 56)
        }
        let all = UnsafeRawBufferPointer(page)
        page.put(Checksum.crc32c(all.part(0, Self.checked)), at: Self.checked)
    }

    static func read(_ page: UnsafeRawBufferPointer) -> Reading {
        guard page.count >= checked + 4, page.starts(with: magic),
            Checksum.crc32c(page.part(0, checked)) == page.number(at: checked, as: UInt32.self)
        else { return .damaged }
        let version = page.number(at: 8, as: UInt16.self)
        guard version <= Self.version else { return .later(version) }
        guard let queue = SpoolQueue(rawValue: page[10]) else { return .damaged }
        let sealing =
            page[11] == 0
            ? nil : Sealing(salt: Array(page[40..<56]), fingerprint: Array(page[56..<64]))
        return .header(
            SegmentHeader(
                queue: queue, epoch: page.number(at: 16), first: page.number(at: 24),
                settled: page.number(at: 32), sealing: sealing))
    }
}
