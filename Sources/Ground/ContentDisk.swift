/// A disk that keeps secrets. Calls block: never call it on a loop.
public protocol SecretDisk: Disk {
    /// As `Disk.replace`, and says who may read the file, from its first byte on.
    func replace(_ path: String, with bytes: [UInt8], access: FileAccess) throws(Fault)
}

/// What a disk also does where content is kept: files larger than memory, whole folders.
///
/// Calls block: never call it on a loop.
public protocol ContentDisk: SecretDisk {
    /// What stands at `path` itself, a link not followed; `nil` when there is nothing.
    func kind(_ path: String) -> FileKind?
    /// Gives a regular file's bytes in pieces that are valid during the call only; a fault when it
    /// is missing, a link, no regular file, or larger than `limit`. Memory does not grow with it.
    func stream(
        _ path: String, limit: Int, _ piece: (UnsafeRawBufferPointer) throws(Fault) -> Void
    ) throws(Fault)
    /// Copies a regular file of at most `limit` bytes; a reader sees all of the copy or none.
    func copy(_ path: String, to target: String, limit: Int) throws(Fault)
    /// Makes a folder and those above it; nothing happens when it is there.
    func makeFolder(_ path: String) throws(Fault)
    /// Gives `path` the name `target`, which must be free or a file; durable on return.
    func rename(_ path: String, to target: String) throws(Fault)
    /// Removes a folder with all it holds, following no link; nothing happens when there is none.
    func removeFolder(_ path: String) throws(Fault)
}

/// What a path names.
public enum FileKind: Sendable { case file, folder, link, other }

/// Who may read a file.
public enum FileAccess: Sendable {
    /// All users of the machine.
    case everyone
    /// The owner only: keys, tokens.
    case owner
}

extension ContentDisk {
    /// All bytes of a regular file, links refused.
    public func readRegular(_ path: String, limit: Int) throws(Fault) -> [UInt8] {
        var bytes: [UInt8] = []
        try stream(path, limit: limit) { piece throws(Fault) in bytes.append(contentsOf: piece) }
        return bytes
    }
}
