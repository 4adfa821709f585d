public import Ground
internal import Storage

extension RecordStore {
    /// Why sequences are missing that a node settled with a store that is gone.
    public static let forgotten = "hub_lost"

    /// Takes a batch in one transaction: durable on return. One that came before changes nothing.
    ///
    /// - Throws: `exhausted` when the disk is full or too much is missing before the batch;
    ///   `unavailable` when the disk does not answer. Nothing was taken then: the sender keeps it
    ///   and comes again.
    public func ingest(_ delivery: Delivery, now: WallTime) throws(Fault) -> Ingested {
        try write { (shelf) throws(Fault) in try shelf.ingest(delivery, now: now) }
    }

    /// All sequences of the origin up to it are held; 0 for one that is not known.
    public func watermark(of origin: Origin) throws(Fault) -> UInt64 {
        try write { (shelf) throws(Fault) in try shelf.find(origin)?.mark.through ?? 0 }
    }

    /// Hears from which sequence on a node still has its records. Those before it were settled;
    /// what is not held of them was lost with an earlier store, and a gap says so from now on.
    ///
    /// - Parameter oldest: the first sequence that the node can still send.
    /// - Returns: the watermark, at least `oldest - 1`.
    public func report(
        _ origin: Origin, oldest: UInt64, now: WallTime
    ) throws(Fault) -> UInt64 {
        guard oldest <= Delivery.sequenceLimit else {
            throw Fault(
                .corrupt, "\(origin) says that its oldest sequence is \(oldest)", source: .peer)
        }
        return try write { (shelf) throws(Fault) in
            try shelf.database.transaction { () throws(Fault) in
                var holding = try shelf.holding(origin, now)
                var done = Ingested(watermark: 0)
                if oldest > 1 {
                    for part in holding.mark.missing(in: 1...(oldest - 1)) {
                        try shelf.add(gap: part, Self.forgotten, holding.row, now)
                        done.lost += part.count
                    }
                    try holding.mark.add(1...(oldest - 1))
                }
                try shelf.save(holding, done, now)
                return holding.mark.through
            }
        }
    }

    /// What the senders of these escalations were told; those of `range` that are not settled yet
    /// are left out. A batch that comes again gets the same answers from here.
    public func settlements(
        of origin: Origin, _ range: ClosedRange<UInt64>
    ) throws(Fault) -> [Settlement] {
        try write { (shelf) throws(Fault) in
            guard let holding = try shelf.find(origin) else { return [] }
            var settled: [Settlement] = []
            try shelf.database.each(
                """
                SELECT sequence, response, error, seal FROM settlements
                WHERE origin = ? AND sequence BETWEEN ? AND ? ORDER BY sequence
                """,
                [
                    .integer(holding.row), .bits(range.lowerBound),
                    .bits(min(range.upperBound, Delivery.sequenceLimit)),
                ]
            ) { row in
                // A damaged one is none: the frame is answered anew.
                if Seal.of([row.value(1), row.value(2)]) == .integer(row.integer(3)) {
                    settled.append(
                        Settlement(
                            sequence: row.bits(0),
                            row.isNull(1) ? .failed(row.text(2)) : .answered(row.blob(1))))
                }
                return settled.count < Delivery.recordLimit
            }
            return settled
        }
    }
}
