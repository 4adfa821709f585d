public import Ground

/// What a bundle says of itself. Only parsing and packing make one.
public struct BundleManifest: Equatable, Sendable {
    /// One file of a bundle.
    public struct File: Equatable, Sendable {
        /// `model.onnx`, `labels.txt` …; never a path.
        public let name: String
        public let mediaType: String
        public let digest: Digest
        /// Bytes.
        public let size: Int
    }

    /// The bundle's title, such as `digits-leaf`.
    public let name: String
    /// A semantic version.
    public let version: String
    /// An SPDX expression.
    public let licenses: String
    /// Hardware classes that it is built for, such as `cpu`; at least one.
    public let hardware: [String]
    /// Bytes resident that it needs when loaded.
    public let memory: Int
    /// What was done to the model, in order, such as `distill`, `int8`; may be empty.
    public let optimization: [String]
    /// The bundle that it was distilled from.
    public let teacher: Digest?
    /// Bytes of the model file before it was made smaller.
    public let fp32Bytes: Int?
    /// Sorted by name.
    public let files: [File]
    /// Where the configuration lies.
    let configuration: Blob

    /// A blob without a file name.
    struct Blob: Equatable, Sendable {
        let digest: Digest
        let size: Int
    }

    init(
        about: BundleAbout, teacher: Digest?, files: [File], configuration: Blob
    ) {
        name = about.name
        version = about.version
        licenses = about.licenses
        hardware = about.hardware
        memory = about.memory
        optimization = about.optimization
        fp32Bytes = about.fp32Bytes
        self.teacher = teacher
        self.files = files
        self.configuration = configuration
    }

    /// The file called `name`.
    public func file(_ name: String) -> File? { files.first { $0.name == name } }

    /// The model file: ONNX, TFLite or OpenVINO's description.
    public var model: File? {
        BundleFormat.formats.lazy.compactMap { file($0.file) }.first
    }

    /// Bytes of all files together.
    public var totalSize: Int { files.reduce(0) { $0 + $1.size } }
}
