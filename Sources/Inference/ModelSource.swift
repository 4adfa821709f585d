public import Ground

/// The form of a model's file.
public enum ModelFormat: String, Sendable, CaseIterable {
    case onnx = "model.onnx"
    case tflite = "model.tflite"
    /// OpenVINO's own; its weights lie in `model.bin`.
    case ir = "model.xml"
}

/// The files of a bundle, by the names that its manifest gives them.
protocol ModelFiles {
    /// Where the file lies on the disk, or `nil` when the bundle has none of that name.
    func path(_ name: String) -> String?
    /// The file's bytes, or `nil` when the bundle has none of that name; a fault when there are
    /// more than `limit`.
    func read(_ name: String, limit: Int) throws(Fault) -> [UInt8]?
}

/// All that an engine needs to know of a model. Its small files are parsed; the model itself has
/// not been read.
public struct ModelSource: Sendable {
    /// The bundle's id.
    public let id: Digest
    public let format: ModelFormat
    public let modelPath: String
    /// Only for `.ir`.
    public let weightsPath: String?
    public let preprocessing: Preprocessing
    /// The bytes that `preprocessing` was parsed from, for an engine in another process.
    let preprocessingFile: [UInt8]
    public let postprocessing: Postprocessing
    /// `nil` when the bundle has none: the temperature is then 1, and no bar can be a risk.
    public let calibration: Calibration?
    /// One per class; empty for a raw model.
    public let labels: [String]
    /// Bytes resident that it needs when loaded.
    public let memory: Int
    /// Hardware classes that it is built for, such as `cpu`, in order of preference.
    public let hardware: [String]
    /// Looks at the model's file once more, before it is read again.
    let recheck: @Sendable () throws(Fault) -> Void

    /// Largest small file: a calibration of 100,000 items takes about 4 MB.
    static let fileLimit = 8 << 20

    /// Parses the small files of a bundle.
    ///
    /// - Throws: `.corrupt` naming the file and the place in it.
    init(
        id: Digest, memory: Int, hardware: [String], files: some ModelFiles,
        recheck: @escaping @Sendable () throws(Fault) -> Void = {}
    ) throws(Fault) {
        self.id = id
        self.recheck = recheck
        self.memory = memory
        self.hardware = hardware
        guard let format = ModelFormat.allCases.first(where: { files.path($0.rawValue) != nil }),
            let modelPath = files.path(format.rawValue)
        else {
            let names = ModelFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw Self.missing(names, of: id)
        }
        self.format = format
        self.modelPath = modelPath
        weightsPath = format == .ir ? files.path("model.bin") : nil
        preprocessingFile = try Self.require(Preprocessing.fileName, files, id)
        preprocessing = try Preprocessing(file: preprocessingFile)
        postprocessing = try Postprocessing(
            file: try Self.require(Postprocessing.fileName, files, id))
        if let bytes = try files.read(Calibration.fileName, limit: Self.fileLimit) {
            calibration = try Calibration(file: bytes)
        } else {
            calibration = nil
        }
        labels = try Self.labels(try files.read(Self.labelsName, limit: Self.fileLimit))
        try check()
    }

    /// A model as its isolated engine knows it: tensors in, tensors out. What they mean is its
    /// node's business.
    init(
        id: Digest, format: ModelFormat, modelPath: String, weightsPath: String?,
        preprocessingFile: [UInt8]
    ) throws(Fault) {
        self.id = id
        self.format = format
        self.modelPath = modelPath
        self.weightsPath = weightsPath
        self.preprocessingFile = preprocessingFile
        preprocessing = try Preprocessing(file: preprocessingFile)
        postprocessing = .raw
        calibration = nil
        labels = []
        memory = 0
        hardware = []
        recheck = {}
    }

    private static let labelsName = "labels.txt"

    private static func missing(_ name: String, of id: Digest) -> Fault {
        Fault(
            .corrupt, "bundle \(id.short) has no \(name)",
            remedy: "pack the bundle again with all its files")
    }

    private static func require(
        _ name: String, _ files: some ModelFiles, _ id: Digest
    ) throws(Fault) -> [UInt8] {
        guard let bytes = try files.read(name, limit: fileLimit) else {
            throw missing(name, of: id)
        }
        return bytes
    }

    private static func labels(_ bytes: [UInt8]?) throws(Fault) -> [String] {
        guard let bytes else { return [] }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Fault(.corrupt, "\(labelsName) is not UTF-8", remedy: "save it as UTF-8")
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    private func check() throws(Fault) {
        guard case .classification(let classification) = postprocessing else { return }
        if labels.isEmpty { throw Self.missing(Self.labelsName, of: id) }
        if classification.activation == .none, let calibration, calibration.temperature != 1 {
            throw Fault(
                .corrupt,
                "\(Calibration.fileName): temperature \(calibration.temperature), but "
                    + "\(Postprocessing.fileName) says activation "
                    + "\"none\", which has no logits to divide",
                remedy: "set the temperature to 1, or the activation to \"softmax\"")
        }
    }
}
