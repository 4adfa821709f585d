import Ground

/// Names, media types and bounds of the bundle format.
///
/// A bundle is a folder, an OCI image layout with one manifest of CNCF ModelPack media types.
/// Its id is the SHA-256 of the manifest's bytes. All JSON in it is canonical.
enum BundleFormat {
    static let manifestType = "application/vnd.oci.image.manifest.v1+json"
    static let artifactType = "application/vnd.cncf.model.manifest.v1+json"
    static let configType = "application/vnd.cncf.model.config.v1+json"
    static let indexType = "application/vnd.oci.image.index.v1+json"
    static let fileNameKey = "org.cncf.model.filepath"

    static let layoutName = "oci-layout"
    static let indexName = "index.json"
    static let blobFolder = "blobs/sha256"
    static let layoutBytes = JSON.object(["imageLayoutVersion": .string("1.0.0")]).canonical

    static let titleKey = "org.opencontainers.image.title"
    static let versionKey = "org.opencontainers.image.version"
    static let licensesKey = "org.opencontainers.image.licenses"
    static let hardwareKey = "canopy.hardware"
    static let memoryKey = "canopy.memory"
    static let optimizationKey = "canopy.optimization"
    static let teacherKey = "canopy.teacher"
    static let fp32BytesKey = "canopy.fp32-bytes"

    private static let weights = "application/vnd.cncf.model.weight.v1.raw"
    private static let weightConfig = "application/vnd.cncf.model.weight.config.v1.raw"

    /// Every file that a bundle may hold, with its media type.
    static let mediaTypes: [String: String] = [
        "model.onnx": weights, "model.tflite": weights, "model.xml": weights, "model.bin": weights,
        "labels.txt": weightConfig, "preprocessing.json": weightConfig,
        "postprocessing.json": weightConfig,
        "calibration.json": "application/vnd.cncf.model.dataset.v1.raw",
        "evaluation.json": "application/vnd.cncf.model.doc.v1.raw",
    ]

    /// The model files, one of which a bundle holds, with the format that the configuration names.
    static let formats: [(file: String, format: String)] = [
        ("model.onnx", "onnx"), ("model.tflite", "tflite"), ("model.xml", "openvino"),
    ]

    /// Files of the model itself: they stay on the disk, all others are kept in memory.
    static func isModelFile(_ name: String) -> Bool { name.hasPrefix("model.") }

    /// Bytes of index, manifest and configuration: ours have two to three thousand.
    static let documentLimit = 64 << 10
    /// Bytes of a file that is not the model: a calibration with 100,000 items has 4 MB.
    static let smallFileLimit = 8 << 20
    /// Bytes of a model file: what a regional node's runtime compiles in memory.
    static let modelLimit = 4 << 30

    /// Most bytes of the file `name`.
    static func limit(of name: String) -> Int {
        isModelFile(name) ? modelLimit : smallFileLimit
    }

    /// True for 1 to 128 letters, digits, `.`, `_` and `-`, not led by `.` or `-`: safe as a
    /// folder's name and in a comma list.
    static func isPlainName(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128 else { return false }
        guard first != UInt8(ascii: "."), first != UInt8(ascii: "-") else { return false }
        return text.utf8.allSatisfy { unit in
            switch unit {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    /// True for MAJOR.MINOR.PATCH with an optional `-PRE` and `+BUILD` (semver.org 2.0.0).
    static func isSemanticVersion(_ text: some StringProtocol) -> Bool {
        let build = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = build[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let tails = parts.dropFirst() + build.dropFirst()
        return text.utf8.count <= 128 && numbers.count == 3
            && numbers.allSatisfy { isNumber($0) }
            && tails.allSatisfy { tail in
                tail.split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
                    !$0.isEmpty && $0.utf8.allSatisfy { isIdentifier($0) }
                }
            }
    }

    private static func isNumber(_ text: some StringProtocol) -> Bool {
        (text == "0" || !text.hasPrefix("0")) && (1...9).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    private static func isIdentifier(_ unit: UInt8) -> Bool {
        switch unit {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
