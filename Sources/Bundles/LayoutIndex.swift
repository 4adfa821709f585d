package import Ground

/// What the `index.json` of a bundle's folder points to: one manifest, by digest, never by a tag.
package struct LayoutIndex {
    let id: Digest
    /// Bytes of the manifest.
    let size: Int

    /// Reads the index of `folder`; nothing that it points to has been checked yet.
    static func read(_ folder: String, on disk: any ContentDisk) throws(Fault) -> LayoutIndex {
        let path = "\(folder)/\(BundleFormat.indexName)"
        let bytes = try disk.readRegular(path, limit: BundleFormat.documentLimit)
        return try LayoutIndex(parsing: bytes, place: path)
    }

    /// Reads an index's bytes; `path` is what a fault calls them.
    package init(parsing bytes: [UInt8], place path: String) throws(Fault) {
        var fields = try JSONFields(parsing: bytes, place: path, code: .corrupt)
        guard try fields.integer("schemaVersion", atLeast: 0) == 2 else {
            throw Fault(.unsupported, "\(path): “schemaVersion” is not 2")
        }
        try fields.constant("mediaType", BundleFormat.indexType)
        let manifests = try fields.array("manifests")
        try fields.end()
        guard manifests.count == 1 else {
            throw Fault(
                .corrupt, "\(path): \(manifests.count) manifests, a bundle has one",
                remedy: "split the layout into one folder for each bundle")
        }
        var entry = try JSONFields(manifests[0], place: "\(path) manifests[0]", code: .corrupt)
        try entry.constant("mediaType", BundleFormat.manifestType)
        try entry.constant("artifactType", BundleFormat.artifactType)
        id = try entry.digest("digest")
        size = try entry.integer("size", atLeast: 1)
        // Annotations would be the place of a tag, which somebody could move to another manifest.
        try entry.end()
        guard size <= BundleFormat.documentLimit else {
            throw Fault(
                .exhausted,
                "\(path): the manifest says \(size) bytes, at most "
                    + "\(BundleFormat.documentLimit) are read")
        }
    }
}
