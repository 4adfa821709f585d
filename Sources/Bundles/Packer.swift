import Cryptography
public import Ground

/// Packs a source folder into a bundle: the same inputs give the same id, whenever and wherever.
///
/// The source folder holds `bundle.json` and the bundle's files; hidden files are left out.
public struct Packer {
    private let disk: any ContentDisk

    public init(disk: any ContentDisk) { self.disk = disk }

    /// Writes the bundle of `source` as the folder `output`, replacing a bundle that is there, and
    /// verifies it. A teacher that is given by name is looked for beside `output`.
    @discardableResult
    public func pack(_ source: String, to output: String) throws(Fault) -> VerifiedBundle {
        let target = Target(output)
        let output = target.path
        try requireReplaceable(output)
        let place = "\(source)/\(BundleAbout.fileName)"
        let about = try BundleAbout(
            parsing: try disk.readRegular(place, limit: BundleFormat.documentLimit), place: place)
        let files = try files(of: source)
        let packing = "\(target.parent)/.\(target.name).packing"
        try disk.removeFolder(packing)
        do throws(Fault) {
            let teacher = try teacher(about.teacher, in: target.parent)
            let id = try write(about, teacher, files, from: source, to: packing)
            _ = try VerifiedBundle(verifying: packing, expecting: id, on: disk)
            try disk.removeFolder(output)
            try disk.rename(packing, to: output)
            return try VerifiedBundle(verifying: output, expecting: id, on: disk)
        } catch {
            try? disk.removeFolder(packing)
            throw error
        }
    }

    /// Where the bundle goes, without slashes at its end.
    private struct Target {
        let path: String
        let parent: String
        let name: String

        init(_ text: String) {
            var trimmed = text[...]
            while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
            path = String(trimmed)
            let slash = trimmed.lastIndex(of: "/")
            parent = slash.map { $0 == trimmed.startIndex ? "/" : String(trimmed[..<$0]) } ?? "."
            name = String(trimmed.split(separator: "/").last ?? "bundle")
        }
    }

    /// Nothing but a bundle, or an empty folder, may be replaced by one.
    private func requireReplaceable(_ output: String) throws(Fault) {
        guard let kind = disk.kind(output) else { return }
        guard kind == .folder,
            try disk.list(output).isEmpty
                || disk.kind("\(output)/\(BundleFormat.layoutName)") == .file
        else {
            throw Fault(
                .precondition, "\(output) is there and is no bundle",
                remedy: "name another folder for the bundle")
        }
    }

    private func files(of source: String) throws(Fault) -> [BundleManifest.File] {
        var files: [BundleManifest.File] = []
        for name in try disk.list(source) where name != BundleAbout.fileName && !name.hasPrefix(".")
        {
            guard let mediaType = BundleFormat.mediaTypes[name] else {
                throw Fault(
                    .invalid,
                    "\(source): “\(name)” is no file of a bundle, known are "
                        + BundleFormat.mediaTypes.keys.sorted().joined(separator: ", "),
                    remedy: "move it out of the source folder")
            }
            let (digest, size) = try BlobCheck.digest(
                "\(source)/\(name)", limit: BundleFormat.limit(of: name), on: disk)
            files.append(
                BundleManifest.File(name: name, mediaType: mediaType, digest: digest, size: size))
        }
        try RequiredFiles.check(files.map(\.name), place: source, code: .invalid)
        return files
    }

    private func teacher(_ text: String?, in parent: String) throws(Fault) -> Digest? {
        guard let text else { return nil }
        if let digest = Digest(text) { return digest }
        guard BundleFormat.isPlainName(text) else {
            throw Fault(.invalid, "“\(text)” is neither a bundle's name nor its id")
        }
        do throws(Fault) {
            return try LayoutIndex.read("\(parent)/\(text)", on: disk).id
        } catch {
            throw Fault(
                .notFound, "the teacher \(text) is not packed in \(parent)",
                remedy: "pack it first, beside this bundle", cause: error)
        }
    }

    private func write(
        _ about: BundleAbout, _ teacher: Digest?, _ files: [BundleManifest.File],
        from source: String, to folder: String
    ) throws(Fault) -> Digest {
        let format = BundleFormat.formats.first { format in
            files.contains { $0.name == format.file }
        }
        let configuration = BundleConfiguration(about: about, format: format?.format ?? "")
            .encoded(of: about, files: files)
        let manifest = BundleManifest(
            about: about, teacher: teacher, files: files,
            configuration: BundleManifest.Blob(
                digest: Hash.sha256(configuration), size: configuration.count)
        ).encoded()
        let id = Hash.sha256(manifest)
        let blobs = "\(folder)/\(BundleFormat.blobFolder)"
        try disk.makeFolder(blobs)
        for file in files {
            try disk.copy(
                "\(source)/\(file.name)", to: "\(blobs)/\(file.digest.hex)", limit: file.size)
        }
        try disk.replace("\(blobs)/\(Hash.sha256(configuration).hex)", with: configuration)
        try disk.replace("\(blobs)/\(id.hex)", with: manifest)
        try disk.replace(
            "\(folder)/\(BundleFormat.indexName)",
            with: BundleManifest.index(id: id, size: manifest.count))
        try disk.replace("\(folder)/\(BundleFormat.layoutName)", with: BundleFormat.layoutBytes)
        return id
    }
}
