import Cryptography
import Ground

/// Reads files and holds them to their digests.
enum BlobCheck {
    /// Digest and size of a regular file, read once in pieces.
    static func digest(
        _ path: String, limit: Int, on disk: any ContentDisk
    ) throws(Fault) -> (digest: Digest, size: Int) {
        let hash = StreamingHash()
        var size = 0
        try disk.stream(path, limit: limit) { piece throws(Fault) in
            hash.update(piece)
            size += piece.count
        }
        return (hash.finish(), size)
    }

    /// Faults unless the file has exactly this size and digest. `what` names it for a reader.
    static func verify(
        _ path: String, _ what: String, digest expected: Digest, size: Int,
        on disk: any ContentDisk
    ) throws(Fault) {
        try requireSize(path, what, size, on: disk)
        let (found, read) = try digest(path, limit: size, on: disk)
        try compare(what, found, read, expected, size)
    }

    /// All bytes of a small file that has exactly this size and digest.
    static func read(
        _ path: String, _ what: String, digest expected: Digest, size: Int,
        on disk: any ContentDisk
    ) throws(Fault) -> [UInt8] {
        try requireSize(path, what, size, on: disk)
        let bytes = try disk.readRegular(path, limit: size)
        try compare(what, Hash.sha256(bytes), bytes.count, expected, size)
        return bytes
    }

    /// Before anything is read: a file of another size cannot be right, however large it is.
    private static func requireSize(
        _ path: String, _ what: String, _ size: Int, on disk: any ContentDisk
    ) throws(Fault) {
        switch disk.kind(path) {
        case .file: break
        case nil:
            throw Fault(
                .notFound, "\(what) is missing: there is no \(path)",
                remedy: "fetch or pack the bundle again")
        default:
            throw Fault(
                .corrupt, "\(what) is no regular file: \(path)",
                remedy: "fetch or pack the bundle again")
        }
        guard let found = disk.size(path), found == size else {
            throw Fault(
                .corrupt, "\(what) has \(disk.size(path) ?? 0) bytes, expected \(size)",
                remedy: "fetch or pack the bundle again")
        }
    }

    private static func compare(
        _ what: String, _ found: Digest, _ count: Int, _ expected: Digest, _ size: Int
    ) throws(Fault) {
        guard found == expected, count == size else {
            throw Fault(
                .corrupt, "\(what) has the digest \(found), expected \(expected)",
                remedy: "fetch or pack the bundle again")
        }
    }
}
