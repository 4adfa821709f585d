public import Ground

/// A bundle whose every byte was held to its id. Only the verifier makes one, and only one of these
/// can be served.
///
/// What is verified stays so for the small files: their bytes were read once and are kept. A model
/// file stays on the disk: from its verification until an engine has read it, who may write to the
/// store could change it. `recheckModel()` right before loading narrows that window to the load
/// itself; keep the store writable by the node's own user only.
public struct VerifiedBundle: Sendable {
    /// SHA-256 of the manifest.
    public let id: Digest
    public let manifest: BundleManifest
    public let configuration: BundleConfiguration
    /// The folder that holds it.
    public let folder: String
    private let small: [String: [UInt8]]
    private let disk: any ContentDisk

    /// Verifies the bundle in `folder`: layout, manifest, every blob's size and digest, required
    /// files, and that nothing else lies there.
    ///
    /// - Parameter expected: the id that it must have; `nil` takes the one that it says.
    /// - Throws: `.notFound` for a missing file, by its name; `.corrupt` for anything that is not
    ///   what it should be; `.exhausted` for sizes over a bound; `.precondition` for another id.
    public init(
        verifying folder: String, expecting expected: Digest? = nil, on disk: any ContentDisk
    ) throws(Fault) {
        let verifier = BundleVerifier(folder: folder, disk: disk)
        let verified = try verifier.verify(expecting: expected)
        id = verified.id
        manifest = verified.manifest
        configuration = verified.configuration
        small = verified.small
        self.folder = folder
        self.disk = disk
    }

    public var name: String { manifest.name }
    public var version: String { manifest.version }
    public var memory: Int { manifest.memory }
    public var hardware: [String] { manifest.hardware }

    /// Where the file called `name` lies on the disk; `nil` when the bundle has none.
    public func path(of name: String) -> String? {
        manifest.file(name).map { Self.path(of: $0, in: folder) }
    }

    /// The bytes of the file called `name` as they were verified; `nil` when the bundle has none. A
    /// model file is read and verified again.
    ///
    /// - Throws: `.exhausted` when it has more than `limit` bytes.
    public func contents(of name: String, limit: Int) throws(Fault) -> [UInt8]? {
        guard let file = manifest.file(name) else { return nil }
        guard file.size <= limit else {
            throw Fault(
                .exhausted,
                "\(name) of \(self.name) has \(file.size) bytes, at most \(limit) are "
                    + "read here")
        }
        if let bytes = small[name] { return bytes }
        return try BlobCheck.read(
            Self.path(of: file, in: folder), "\(name) of \(self.name)", digest: file.digest,
            size: file.size, on: disk)
    }

    /// Verifies the model's files again.
    public func recheckModel() throws(Fault) {
        for file in manifest.files where BundleFormat.isModelFile(file.name) {
            try BlobCheck.verify(
                Self.path(of: file, in: folder), "\(file.name) of \(name)", digest: file.digest,
                size: file.size, on: disk)
        }
    }

    /// The name comes from a digest, so no file name can lead out of the folder.
    static func path(of file: BundleManifest.File, in folder: String) -> String {
        "\(folder)/\(BundleFormat.blobFolder)/\(file.digest.hex)"
    }
}
