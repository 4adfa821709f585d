internal import Cryptography
internal import Ground
internal import Storage

/// Frames as files, each under its digest: the same frame twice is one file.
struct PayloadFolder: Sendable {
    /// Bytes of one payload: as large as a request may be.
    static let fileLimit = 256 << 20

    let folder: String
    private let disk = FileDisk()

    init(_ folder: String) { self.folder = folder }

    /// Where the payload lies, if it is kept: 256 folders, so that none has too many names.
    func path(_ digest: Digest) -> String {
        let hex = digest.hex
        return "\(folder)/\(hex.prefix(2))/\(hex.dropFirst(2))"
    }

    /// Durable on return; writes nothing when the payload is there.
    func put(_ bytes: [UInt8], _ digest: Digest) throws(Fault) {
        let path = path(digest)
        if disk.size(path) == bytes.count { return }
        try disk.makeFolder("\(folder)/\(digest.hex.prefix(2))")
        try disk.replace(path, with: bytes, access: .owner)
    }

    /// The bytes, checked against their digest.
    ///
    /// - Throws: `notFound`; `corrupt` when the file is damaged.
    func get(_ digest: Digest) throws(Fault) -> [UInt8] {
        let bytes = try disk.read(path(digest), limit: Self.fileLimit)
        guard Hash.sha256(bytes) == digest else {
            throw Fault(
                .corrupt, "the payload \(path(digest)) is damaged: its digest is another one",
                remedy: "look at the disk that it lies on")
        }
        return bytes
    }

    func remove(_ digest: Digest) throws(Fault) { try disk.remove(path(digest)) }

    /// All payloads whose digest begins with this byte; other files are left out.
    func list(_ first: UInt8) -> [Digest] {
        let prefix = Hex.text([first])
        let names = (try? disk.list("\(folder)/\(prefix)")) ?? []
        return names.compactMap { Digest(hex: prefix + $0) }
    }
}
