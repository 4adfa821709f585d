public import Ground
internal import Cryptography
internal import Storage

extension RecordStore {
    /// Keeps frames that were answered when they came, within their share of the store: past it the
    /// oldest of them go, and never a frame that was owed. A frame that is there already is not
    /// kept twice.
    ///
    /// - Returns: how many were kept.
    @discardableResult
    public func keep(_ frames: [LiveFrame], now: WallTime) throws(Fault) -> Int {
        try write { (shelf) throws(Fault) in try shelf.keep(frames, now) }
    }
}

extension Shelf {
    func keep(_ frames: [LiveFrame], _ now: WallTime) throws(Fault) -> Int {
        var fresh: [(frame: LiveFrame, key: MergeKey)] = []
        var needed = 0
        for frame in frames where frame.isSound {
            let key = MergeKey(of: frame.below)
            let known = try database.first(
                "SELECT 1 FROM frames WHERE merge = ?", [.blob(key.bytes)]
            ) { _ in true }
            let size = Self.diskBytes(frame.payload.count)
            guard known == nil, needed + size <= settings.liveBytes else { continue }
            needed += size
            fresh.append((frame, key))
        }
        guard !fresh.isEmpty else { return 0 }
        try makeLiveRoom(for: needed, now)
        guard frameBytes + needed <= settings.frameBytes else { return 0 }
        // Files before the rows that name them. What a crash leaves over is swept later.
        var digests: [Digest] = []
        defer { dropUnnamed(digests) }
        for (frame, _) in fresh {
            let digest = Hash.sha256(frame.payload)
            try payloads.put(frame.payload, digest)
            digests.append(digest)
        }
        return try changing { () throws(Fault) in
            var kept = 0
            for (one, digest) in zip(fresh, digests) {
                try insert(frame: digest, one.frame.payload.count, one.key, now)
                guard database.changes > 0 else { continue }
                try insert(live: one.frame, one.key, now)
                kept += 1
            }
            return kept
        }
    }

    private func insert(
        live frame: LiveFrame, _ key: MergeKey, _ now: WallTime
    ) throws(Fault) {
        let below = frame.below
        try database.run(
            "INSERT OR REPLACE INTO live VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                .blob(key.bytes), .text(below.node), .text(below.label),
                below.confidence.map { .real($0) } ?? .null,
                below.bundle.map { .blob($0.bytes) } ?? .null, .int(frame.payload.count),
                .integer(now.nanoseconds),
            ])
    }

    /// The oldest frames that were answered live make room for others, and for nothing else.
    private func makeLiveRoom(for needed: Int, _ now: WallTime) throws(Fault) {
        var held = try Self.diskBytes(of: "live", database)
        var purged = Purged(kind: "frames", reason: .quota, before: now)
        while held + needed > settings.liveBytes || frameBytes + needed > settings.frameBytes {
            let oldest = try frames(
                "JOIN live USING (merge)", [], order: "live.received, frames.id", limit: 64)
            if oldest.isEmpty { return }
            try remove(oldest, &purged, now)
            held -= oldest.reduce(0) { $0 + $1.disk }
        }
    }
}
