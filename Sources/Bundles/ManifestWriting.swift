import Ground

extension BundleManifest {
    /// Canonical bytes; their SHA-256 is the bundle's id.
    package func encoded() -> [UInt8] {
        JSON.object([
            "schemaVersion": .integer(2),
            "mediaType": .string(BundleFormat.manifestType),
            "artifactType": .string(BundleFormat.artifactType),
            "config": .object([
                "mediaType": .string(BundleFormat.configType),
                "digest": .string(configuration.digest.description),
                "size": .integer(configuration.size),
            ]),
            "layers": .array(files.map(Self.layer)),
            "annotations": .object(annotations),
        ]).canonical
    }

    private static func layer(_ file: File) -> JSON {
        .object([
            "mediaType": .string(file.mediaType),
            "digest": .string(file.digest.description),
            "size": .integer(file.size),
            "annotations": .object([BundleFormat.fileNameKey: .string(file.name)]),
        ])
    }

    private var annotations: [String: JSON] {
        var notes: [String: JSON] = [
            BundleFormat.titleKey: .string(name),
            BundleFormat.versionKey: .string(version),
            BundleFormat.licensesKey: .string(licenses),
            BundleFormat.hardwareKey: .string(hardware.joined(separator: ",")),
            BundleFormat.memoryKey: .string(String(memory)),
        ]
        if !optimization.isEmpty {
            notes[BundleFormat.optimizationKey] = .string(optimization.joined(separator: ","))
        }
        if let teacher { notes[BundleFormat.teacherKey] = .string(teacher.description) }
        if let fp32Bytes { notes[BundleFormat.fp32BytesKey] = .string(String(fp32Bytes)) }
        return notes
    }

    /// The index of a layout that holds this one manifest.
    static func index(id: Digest, size: Int) -> [UInt8] {
        JSON.object([
            "schemaVersion": .integer(2),
            "mediaType": .string(BundleFormat.indexType),
            "manifests": .array([
                .object([
                    "mediaType": .string(BundleFormat.manifestType),
                    "artifactType": .string(BundleFormat.artifactType),
                    "digest": .string(id.description),
                    "size": .integer(size),
                ])
            ]),
        ]).canonical
    }
}
