import Ground

/// Holds a folder to the id of the bundle that it should be.
struct BundleVerifier {
    let folder: String
    let disk: any ContentDisk

    struct Verified {
        var id: Digest
        var manifest: BundleManifest
        var configuration: BundleConfiguration
        /// All files but the model's.
        var small: [String: [UInt8]]
    }

    func verify(expecting expected: Digest?) throws(Fault) -> Verified {
        try checkLayout()
        let index = try LayoutIndex.read(folder, on: disk)
        if let expected, index.id != expected {
            throw Fault(
                .precondition, "\(folder) holds the bundle \(index.id), expected \(expected)",
                remedy: "look for the right bundle with `canopy model list`")
        }
        let place = "\(folder) manifest"
        let bytes = try BlobCheck.read(
            blob(index.id), place, digest: index.id, size: index.size, on: disk)
        let manifest = try BundleManifest(parsing: bytes, place: place)
        let configuration = try configuration(of: manifest)
        try RequiredFiles.check(manifest.files.map(\.name), place: folder, code: .corrupt)
        let small = try files(of: manifest)
        try RequiredFiles.checkLabels(
            manifest.files.map(\.name), postprocessing: small["postprocessing.json"] ?? [],
            place: folder)
        try refuseOthers(manifest, index.id)
        return Verified(
            id: index.id, manifest: manifest, configuration: configuration, small: small)
    }

    private func blob(_ digest: Digest) -> String {
        "\(folder)/\(BundleFormat.blobFolder)/\(digest.hex)"
    }

    /// The folders are real ones: a link among them could lead anywhere.
    private func checkLayout() throws(Fault) {
        for name in ["blobs", BundleFormat.blobFolder] {
            guard disk.kind("\(folder)/\(name)") == .folder else {
                throw Fault(
                    disk.kind(folder) == nil ? .notFound : .corrupt,
                    "\(folder) is no bundle: \(name) is no folder in it",
                    remedy: "give the folder that holds \(BundleFormat.indexName)")
            }
        }
        let path = "\(folder)/\(BundleFormat.layoutName)"
        let bytes = try disk.readRegular(path, limit: BundleFormat.documentLimit)
        guard try JSON(parsing: bytes, place: path).canonical == BundleFormat.layoutBytes else {
            throw Fault(.corrupt, "\(path) does not say imageLayoutVersion 1.0.0")
        }
    }

    private func configuration(of manifest: BundleManifest) throws(Fault) -> BundleConfiguration {
        let place = "\(folder) configuration"
        let bytes = try BlobCheck.read(
            blob(manifest.configuration.digest), place, digest: manifest.configuration.digest,
            size: manifest.configuration.size, on: disk)
        let configuration = try BundleConfiguration(parsing: bytes, of: manifest, place: place)
        let expected = BundleFormat.formats.first { manifest.file($0.file) != nil }?.format
        guard expected == nil || configuration.format == expected else {
            throw Fault(
                .corrupt,
                "\(place): the format is “\(configuration.format)”, the model file's is "
                    + "“\(expected ?? "")”")
        }
        return configuration
    }

    private func files(of manifest: BundleManifest) throws(Fault) -> [String: [UInt8]] {
        var small: [String: [UInt8]] = [:]
        for file in manifest.files {
            let path = blob(file.digest)
            let what = "\(file.name) of \(manifest.name)"
            if BundleFormat.isModelFile(file.name) {
                try BlobCheck.verify(path, what, digest: file.digest, size: file.size, on: disk)
            } else {
                small[file.name] = try BlobCheck.read(
                    path, what, digest: file.digest, size: file.size, on: disk)
            }
        }
        return small
    }

    /// What nobody signed for must not travel along.
    private func refuseOthers(_ manifest: BundleManifest, _ id: Digest) throws(Fault) {
        let blobs = Set(
            manifest.files.map(\.digest.hex) + [manifest.configuration.digest.hex, id.hex])
        let expected: [(folder: String, names: Set<String>)] = [
            (folder, [BundleFormat.layoutName, BundleFormat.indexName, "blobs"]),
            ("\(folder)/blobs", ["sha256"]),
            ("\(folder)/\(BundleFormat.blobFolder)", blobs),
        ]
        for (folder, names) in expected {
            for name in try disk.list(folder) where !names.contains(name) {
                throw Fault(
                    .corrupt, "\(folder)/\(name) belongs to no part of the bundle",
                    remedy: "remove it, or fetch the bundle again")
            }
        }
    }
}
