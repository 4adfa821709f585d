public import Ground

extension BundleManifest {
    /// Reads a manifest strictly: known members, media types and file names only, each file once.
    ///
    /// - Parameter place: what a fault calls it, such as the manifest's path.
    public init(parsing bytes: [UInt8], place: String) throws(Fault) {
        var fields = try JSONFields(parsing: bytes, place: place, code: .corrupt)
        guard try fields.integer("schemaVersion", atLeast: 0) == 2 else {
            throw Fault(.unsupported, "\(place): “schemaVersion” is not 2")
        }
        try fields.constant("mediaType", BundleFormat.manifestType)
        try fields.constant("artifactType", BundleFormat.artifactType)
        configuration = try Self.configuration(try fields.object("config"))
        files = try Self.files(try fields.array("layers"), place: place)
        var notes = try fields.object("annotations")
        try fields.end()
        name = try notes.string(BundleFormat.titleKey)
        version = try notes.string(BundleFormat.versionKey)
        licenses = try notes.string(BundleFormat.licensesKey)
        hardware = Self.list(try notes.string(BundleFormat.hardwareKey))
        memory = try Self.number(try notes.string(BundleFormat.memoryKey), "memory", place)
        optimization = Self.list(try notes.optionalString(BundleFormat.optimizationKey) ?? "")
        teacher = try Self.teacher(try notes.optionalString(BundleFormat.teacherKey), place)
        if let text = try notes.optionalString(BundleFormat.fp32BytesKey) {
            fp32Bytes = try Self.number(text, "fp32-bytes", place)
        } else {
            fp32Bytes = nil
        }
        // Annotations of other tools, such as a build's address, say nothing to Canopy.
        notes.ignoreRest()
        try BundleAbout.check(
            name: name, version: version, licenses: licenses, hardware: hardware,
            optimization: optimization, place: place, code: .corrupt)
    }

    private static func configuration(_ value: JSONFields) throws(Fault) -> Blob {
        var fields = value
        try fields.constant("mediaType", BundleFormat.configType)
        let blob = Blob(
            digest: try fields.digest("digest"), size: try fields.integer("size", atLeast: 0))
        try fields.end()
        guard blob.size <= BundleFormat.documentLimit else {
            throw Fault(
                .exhausted,
                "\(fields.place): \(blob.size) bytes, at most "
                    + "\(BundleFormat.documentLimit) are read")
        }
        return blob
    }

    private static func files(_ layers: [JSON], place: String) throws(Fault) -> [File] {
        guard layers.count <= BundleFormat.mediaTypes.count else {
            throw Fault(
                .corrupt,
                "\(place): \(layers.count) layers, at most "
                    + "\(BundleFormat.mediaTypes.count) kinds of file are known")
        }
        var files: [File] = []
        for (index, layer) in layers.enumerated() {
            let file = try file(layer, place: "\(place) layers[\(index)]")
            guard !files.contains(where: { $0.name == file.name }) else {
                throw Fault(.corrupt, "\(place): \(file.name) comes twice")
            }
            files.append(file)
        }
        return files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private static func file(_ layer: JSON, place: String) throws(Fault) -> File {
        var fields = try JSONFields(layer, place: place, code: .corrupt)
        var notes = try fields.object("annotations")
        let name = try notes.string(BundleFormat.fileNameKey)
        notes.ignoreRest()
        guard let mediaType = BundleFormat.mediaTypes[name] else {
            throw Fault(
                .corrupt,
                "\(place): “\(name.prefix(80))” is no file of a bundle, known are "
                    + BundleFormat.mediaTypes.keys.sorted().joined(separator: ", "))
        }
        try fields.constant("mediaType", mediaType)
        let file = File(
            name: name, mediaType: mediaType, digest: try fields.digest("digest"),
            size: try fields.integer("size", atLeast: 0))
        try fields.end()
        let limit = BundleFormat.limit(of: name)
        guard file.size <= limit else {
            throw Fault(
                .exhausted, "\(place): \(name) says \(file.size) bytes, at most \(limit) are taken")
        }
        return file
    }

    private static func list(_ text: String) -> [String] {
        text.isEmpty
            ? [] : text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    private static func number(
        _ text: String, _ what: String, _ place: String
    ) throws(Fault) -> Int {
        guard let number = Int(text), number > 0, String(number) == text else {
            throw Fault(
                .corrupt,
                "\(place): canopy.\(what) is “\(text.prefix(40))”, "
                    + "expected a whole number of bytes above 0")
        }
        return number
    }

    private static func teacher(_ text: String?, _ place: String) throws(Fault) -> Digest? {
        guard let text else { return nil }
        guard let digest = Digest(text) else {
            throw Fault(.corrupt, "\(place): canopy.teacher is “\(text.prefix(80))”, no bundle id")
        }
        return digest
    }
}
