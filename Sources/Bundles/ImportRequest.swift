public import Ground

/// Makes a bundle from a bare model file and what the model's maker knows about it.
public struct ImportRequest: Sendable {
    /// Path of the model; its ending (`onnx`, `tflite`, `xml`) tells the format. The weights of an
    /// `xml` are looked for beside it, as a file of the same name that ends in `bin`.
    public var model: String
    public var name: String
    public var version: String
    /// An SPDX expression.
    public var licenses: String
    public var preprocessing: ImportedPreprocessing
    public var postprocessing: ImportedPostprocessing
    public var description: String?
    /// Path of a text with one label a line; a classification needs it.
    public var labels: String?
    public var hardware = ["cpu"]
    /// Bytes resident; `nil` takes four times the model's files, at least 16 MiB.
    public var memory: Int?
    public var precision = "fp32"
    /// Path of a calibration.json. Without it the temperature is 1 and a bar can only be a number.
    public var calibration: String?
    /// Path of an evaluation.json.
    public var evaluation: String?

    public init(
        model: String, name: String, version: String, licenses: String,
        preprocessing: ImportedPreprocessing, postprocessing: ImportedPostprocessing
    ) {
        self.model = model
        self.name = name
        self.version = version
        self.licenses = licenses
        self.preprocessing = preprocessing
        self.postprocessing = postprocessing
    }

    /// Loaded, a small network takes a few times its file; below 16 MiB the runtime itself counts.
    static let memoryFactor = 4
    static let memoryFloor = 16 << 20

    /// What the person who imports should know of the result.
    public var notes: [String] {
        var notes: [String] = []
        if calibration == nil {
            notes.append(
                "no calibration: temperature 1 and no scores, so a task's bar for this bundle can "
                    + "be a number such as 0.8, not a risk")
        }
        if memory == nil {
            notes.append(
                "memory was taken as \(Self.memoryFactor) times the model's size, at least "
                    + "\(Self.memoryFloor >> 20) MiB; measure and state it for a tight node")
        }
        return notes
    }

    /// Writes the source folder `source`, which must not be there yet, and packs it as `output`.
    public func run(
        source: String, output: String, on disk: any ContentDisk
    ) throws(Fault) -> VerifiedBundle {
        guard disk.kind(source) == nil else {
            throw Fault(
                .precondition, "\(source) is there already",
                remedy: "name another folder for the sources")
        }
        try disk.makeFolder(source)
        do throws(Fault) {
            try write(to: source, on: disk)
            return try Packer(disk: disk).pack(source, to: output)
        } catch {
            try? disk.removeFolder(source)
            throw error
        }
    }

    private func write(to source: String, on disk: any ContentDisk) throws(Fault) {
        let size = try copyModel(to: source, on: disk)
        let about = try BundleAbout(
            name: name, version: version, licenses: licenses, description: description,
            hardware: hardware,
            memory: memory ?? max(Self.memoryFloor, size * Self.memoryFactor),
            precision: precision, place: "the import of \(model)")
        try disk.replace("\(source)/\(BundleAbout.fileName)", with: about.encoded())
        try disk.replace("\(source)/preprocessing.json", with: preprocessing.text(on: disk))
        try disk.replace("\(source)/postprocessing.json", with: postprocessing.text(on: disk))
        for (path, name) in [
            (labels, "labels.txt"), (calibration, "calibration.json"),
            (evaluation, "evaluation.json"),
        ] {
            guard let path else { continue }
            let bytes = try disk.read(path, limit: BundleFormat.smallFileLimit)
            if name != "labels.txt" { _ = try JSON(parsing: bytes, place: path) }
            try disk.replace("\(source)/\(name)", with: bytes)
        }
    }

    /// Copies the model's files; answers their bytes together.
    private func copyModel(to source: String, on disk: any ContentDisk) throws(Fault) -> Int {
        let ending = model.split(separator: ".").last.map(String.init) ?? ""
        guard BundleFormat.mediaTypes["model.\(ending)"] != nil, ending != "bin" else {
            throw Fault(
                .unsupported, "\(model) ends in “\(ending)”, expected onnx, tflite or xml",
                remedy: "export the model as ONNX, TFLite or OpenVINO IR")
        }
        var paths = [(model, "model.\(ending)")]
        if ending == "xml" { paths.append((model.dropLast(3) + "bin", "model.bin")) }
        var total = 0
        for (path, name) in paths {
            guard let size = disk.size(path), size > 0 else {
                throw Fault(.notFound, "there is no model at \(path)", remedy: "check the path")
            }
            total += size
            try disk.copy(path, to: "\(source)/\(name)", limit: BundleFormat.modelLimit)
        }
        return total
    }
}
