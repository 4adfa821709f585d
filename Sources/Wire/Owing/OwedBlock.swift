internal import CWire
public import Ground

/// A canopy.v1 OwedBlock: records without a hole between them, before compression.
public struct OwedBlock: WireMessage {
    public var records: [OwedRecord]

    /// Bytes of one block, at most: a frame as large as may be owed, or a hundred usual ones. Large
    /// enough to compress well, small enough to be sent again without regret.
    public static let most = 16 << 20
    /// Records of one block, at most.
    public static let mostRecords = WireLimits.list

    public init(_ records: [OwedRecord]) { self.records = records }

    public static func decode(_ bytes: Bytes) throws(Fault) -> OwedBlock {
        guard bytes.count <= most else {
            throw excess(.peer, "bytes of a block", bytes.count, most)
        }
        return try unpacking(
            bytes, "canopy.v1.OwedBlock", from: .peer, with: canopy__v1__owed_block__unpack
        ) { (c) throws(Fault) in
            OwedBlock(try bounded(c.records, c.n_records, "records", OwedRecord.init))
        }
    }

    /// The records of a block, undecoded: one that cannot be read then spoils no other.
    ///
    /// - Throws: `corrupt` when the block itself cannot be walked, `exhausted` past a bound.
    public static func records(of bytes: Bytes) throws(Fault) -> [Bytes] {
        guard bytes.count <= most else {
            throw excess(.peer, "bytes of a block", bytes.count, most)
        }
        return try bytes.withUnsafeBytes { (raw) throws(Fault) in
            var scanner = FieldScanner(raw, "canopy.v1.OwedBlock", from: .peer)
            var records: [Bytes] = []
            while let field = try scanner.next() {
                guard field.number == 1, field.wireType == 2 else { continue }
                guard records.count < mostRecords else {
                    throw excess(.peer, "records", records.count + 1, mostRecords)
                }
                records.append(bytes[field.payload..<field.end])
            }
            return records
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__owed_block__init)
            c.pointee.n_records = records.count
            c.pointee.records = arena.array(records) { $0.packed(arena) }
            return c
        }
    }

    /// A block of records that were encoded before, without their sequences, and are not decoded
    /// for it: the field is put behind each, and of a field that comes twice the last one counts.
    public static func assembled(_ records: [(sequence: UInt64, record: Bytes)]) -> Bytes {
        var size = 0
        for (sequence, record) in records {
            size += FieldSize.block(record.count + sequenceSize(sequence))
        }
        let slab = Slab(capacity: size)
        var writer = FieldWriter(slab.base, capacity: size)
        for (sequence, record) in records {
            writer.open(1, record.count + sequenceSize(sequence))
            record.withUnsafeBytes { writer.bytes($0) }
            if sequence > 0 { writer.number(1, sequence) }
        }
        return Bytes(slab: slab, start: 0, count: writer.count)
    }

    private static func sequenceSize(_ sequence: UInt64) -> Int {
        sequence == 0 ? 0 : 1 + varintLength(Int(bitPattern: UInt(sequence)))
    }
}
