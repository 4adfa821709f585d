import Ground

/// A file that is there to be removed: room for a cursor or a gap on a disk that others have
/// filled and that needs room even to write over what is there.
final class Reserve {
    private let path: String
    private let bytes: Int
    private let disk: any SegmentDisk
    private(set) var isThere = false

    init(_ path: String, bytes: Int, _ disk: any SegmentDisk) {
        self.path = path
        self.bytes = bytes
        self.disk = disk
        // One that a crash left unfinished is made again.
        isThere = ((try? disk.open(path).size) ?? 0) >= bytes
    }

    /// Bytes that it has, or should have: they are never given to anything else.
    var held: Int { bytes }

    /// Makes it again when it is not there; without it when the disk is full, until next time.
    func restore() {
        guard !isThere else { return }
        try? disk.unlink(path)
        guard let file = try? disk.make(path) else { return }
        guard (try? file.preallocate(bytes)) != nil else {
            try? disk.unlink(path)
            return
        }
        isThere = true
    }

    /// Gives its room to the disk; whether it had any.
    func release() -> Bool {
        guard isThere else { return false }
        isThere = false
        return (try? disk.unlink(path)) != nil
    }
}
